// All that was loaded, written, backed up and restored, newest first.
import { html, useState } from "../lib.js";
import { get } from "../api.js";
import { useTables } from "../dictionary.js";
import { useLoaded } from "../hooks.js";
import { go } from "../router.js";
import { RunTable } from "../runs.js";
import { t } from "../text.js";
import { ended } from "../uploads.js";
import { Button, Empty, Field, Loaded, Page, Pager, Select } from "../ui.js";

const LIMIT = 25;

export function RunsPage({ query }) {
  const table = query.table ?? "";
  const [trail, setTrail] = useState([]);
  const after = trail.at(-1);
  const tables = useTables();
  const runs = useLoaded((signal) => get("runs", { limit: LIMIT, table, after }, { signal }), [table, after],
    { busy: (data) => data.runs.some((run) => !ended(run)) });
  const choose = (name) => {
    setTrail([]);
    go("/runs", { table: name }, { replace: true });
  };
  return html`<${Page} title=${t("runs.title")} lead=${t("runs.lead")}
      actions=${html`<${Button} icon="again" busy=${runs.loading && runs.data !== null} onClick=${runs.reload}>${t("refresh")}<//>`}>
    <div class="filters"><${Field} id="table" label=${t("table")}>${(tied) => html`<${Select} ...${tied} value=${table} onChange=${choose}
      options=${[["", t("table.all")], ...(tables.data ?? []).map(({ name }) => [name, name])]} />`}<//></div>
    <${Loaded} from=${runs} rows=${8}>${(data) => data.runs.length
      ? html`<${RunTable} runs=${data.runs} caption=${t("runs.title")} />
        ${(after || data.next) && html`<${Pager} back=${after && (() => setTrail(trail.slice(0, -1)))} on=${data.next && (() => setTrail([...trail, data.next]))}>
          ${t("page", { number: trail.length + 1 })}<//>`}`
      : html`<${Empty} icon="runs" title=${t("runs.none")} action=${html`<${Button} kind="primary" href="#/">${t("upload.title")}<//>`}>${t("runs.none.text")}<//>`}<//>
  <//>`;
}
