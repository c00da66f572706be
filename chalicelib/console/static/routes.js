// Which page is at which path, and what the navigation shows.
import { html, useEffect, useState } from "./lib.js";
import { match } from "./router.js";
import { t } from "./text.js";
import { Button, Empty, Loading, Notice, Page } from "./ui.js";

/**
 * A page whose module is not waited for when the console begins, though it is on its way by then. One that does not
 * come was replaced by a newer console.
 */
function page(name, load) {
  let view = null;
  return function Waiting(props) {
    const [state, setState] = useState("waiting");
    useEffect(() => {
      if (!view) load().then((module) => { view = module[name]; setState("there"); }, () => setState("gone"));
    }, []);
    if (view) return html`<${view} ...${props} />`;
    if (state === "waiting") return html`<div class="page"><${Loading} /></div>`;
    return html`<div class="page"><${Notice} kind="warning" title=${t("replaced.title")}
      actions=${html`<${Button} icon="again" onClick=${() => location.reload()}>${t("replaced.reload")}<//>`}><p>${t("replaced.text")}</p><//></div>`;
  };
}

/** A page is a component; it gets the variables of its path as `params` and what stands behind `?` as `query`. */
const ROUTES = {
  "/": page("UploadPage", () => import("./pages/upload.js")),
  "/runs": page("RunsPage", () => import("./pages/runs.js")),
  "/runs/:run": page("RunPage", () => import("./pages/run.js")),
  "/tables": page("TablesPage", () => import("./pages/tables.js")),
  "/tables/:table": page("TablePage", () => import("./pages/table.js")),
  "/tables/:table/dictionary": page("DictionaryPage", () => import("./pages/table.js")),
  "/backups": page("BackupsPage", () => import("./pages/backups.js")),
  "/backups/restore": page("RestorePage", () => import("./pages/restore.js")),
  "/backups/:backup": page("BackupPage", () => import("./pages/backup.js")),
  "/metrics": page("MetricsPage", () => import("./pages/metrics.js")),
  "/health": page("HealthPage", () => import("./pages/health.js")),
};

export const NAVIGATION = [
  { to: "/", key: "nav.upload", icon: "upload" },
  { to: "/runs", key: "nav.runs", icon: "runs" },
  { to: "/tables", key: "nav.tables", icon: "table" },
  { to: "/backups", key: "nav.backups", icon: "backup" },
  { to: "/metrics", key: "nav.metrics", icon: "metrics" },
  { to: "/health", key: "nav.health", icon: "health" },
];

/** The page at a path, `{ view, params }`; undefined where there is none. */
export function pageOf(path) {
  for (const [pattern, view] of Object.entries(ROUTES)) {
    const params = match(pattern, path);
    if (params) return { view, params };
  }
  return undefined;
}

export const NotFoundPage = () => html`<${Page} title=${t("notFound.title")}>
  <${Empty} icon="search" title=${t("notFound.text")} action=${html`<${Button} kind="primary" href="#/">${t("notFound.back")}<//>`} /><//>`;
