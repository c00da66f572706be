import { html } from "../lib.js";
import { t } from "../text.js";
import { Loading, Page } from "../ui.js";

export const RunsPage = () => html`<${Page} title=${t("nav.runs")}><${Loading} /><//>`;
