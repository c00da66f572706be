// Which page is at which path, and what the navigation shows.
import { html } from "./lib.js";
import { match } from "./router.js";
import { t } from "./text.js";
import { Button, Empty, Page } from "./ui.js";
import { UploadPage } from "./pages/upload.js";
import { RunsPage } from "./pages/runs.js";
import { RunPage } from "./pages/run.js";

/** A page is a component; it gets the variables of its path as `params` and what stands behind `?` as `query`. */
const ROUTES = {
  "/": UploadPage,
  "/runs": RunsPage,
  "/runs/:run": RunPage,
};

export const NAVIGATION = [
  { to: "/", key: "nav.upload", icon: "upload" },
  { to: "/runs", key: "nav.runs", icon: "runs" },
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
