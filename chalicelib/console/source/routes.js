// Which page is at which path, and what the navigation shows.
import { html } from "./lib.js";
import { match } from "./router.js";
import { t } from "./text.js";
import { Button, Empty, Page } from "./ui.js";
import { BackupPage } from "./pages/backup.js";
import { BackupsPage } from "./pages/backups.js";
import { HealthPage } from "./pages/health.js";
import { MetricsPage } from "./pages/metrics.js";
import { RestorePage } from "./pages/restore.js";
import { RunPage } from "./pages/run.js";
import { RunsPage } from "./pages/runs.js";
import { DictionaryPage, TablePage } from "./pages/table.js";
import { TablesPage } from "./pages/tables.js";
import { UploadPage } from "./pages/upload.js";

/** A page is a component; it gets the variables of its path as `params` and what stands behind `?` as `query`. */
const ROUTES = {
  "/": UploadPage,
  "/runs": RunsPage,
  "/runs/:run": RunPage,
  "/tables": TablesPage,
  "/tables/:table": TablePage,
  "/tables/:table/dictionary": DictionaryPage,
  "/backups": BackupsPage,
  "/backups/restore": RestorePage,
  "/backups/:backup": BackupPage,
  "/metrics": MetricsPage,
  "/health": HealthPage,
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
