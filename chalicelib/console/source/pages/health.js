// Whether the parts that the service stands on answer.
import { html, useRef } from "../lib.js";
import { get } from "../api.js";
import { useLoaded } from "../hooks.js";
import { moment, t, tOr } from "../text.js";
import { Badge, Button, Loaded, Notice, Page, Table } from "../ui.js";

export function HealthPage() {
  const at = useRef();
  const health = useLoaded(
    async (signal) => {
      const told = await get("health", {}, { signal, accept: [503] });
      at.current = new Date().toISOString();
      return told;
    },
    [],
    { busy: () => true },
  );
  return html`<${Page} title=${t("health.title")}
    actions=${html`<${Button} icon="again" busy=${health.loading && health.data !== null} onClick=${health.reload}>${t("health.again")}<//>`}>
    <${Loaded} from=${health} rows=${4}>
      ${({ status, ...parts }) => {
        const rows = Object.entries(parts).map(([name, state]) => ({ name, up: state === "ok" }));
        const down = rows.filter((part) => !part.up).length;
        return html`
          <div role="status"><${Notice} kind=${status === "ok" ? "good" : "bad"} title=${down ? t("health.down", { count: down }) : t("health.up")} /></div>
          <${Table} caption=${t("health.caption")} rows=${rows} id=${(part) => part.name} columns=${[
            { key: "name", label: t("health.part"), cell: ({ name }) => html`<strong>${tOr(`health.${name}`, name)}</strong>
              <span class="cell-sub">${tOr(`health.${name}.is`, "")}</span>` },
            { key: "up", label: t("health.state"), cell: ({ up }) => html`<${Badge} kind=${up ? "good" : "bad"}>${t(up ? "health.ok" : "health.not")}<//>` },
          ]} />
          <p class="hint">${t("health.checked", { time: moment(at.current) })}</p>`;
      }}
    <//>
  <//>`;
}
