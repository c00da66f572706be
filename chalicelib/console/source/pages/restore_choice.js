// What to restore, and from which backup.
import { html } from "../lib.js";
import { get } from "../api.js";
import { useLoaded } from "../hooks.js";
import { href } from "../router.js";
import { moment, t } from "../text.js";
import { Button, Card, Field, Notice, ProblemNotice, Select } from "../ui.js";

const LISTED = 300;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * `choice` is `{ table, from, id, moment }`: `table` null means all of one snapshot; `from` is "newest", "chosen" (by
 * `id`) or "moment" (in the reader's zone). `onChange(part)` gets what changes of it, `onDone(choice)` the whole.
 */
export function Choose({ tables, choice, busy, onChange, onDone }) {
  const whole = choice.table === null;
  const listed = useLoaded(
    async (signal) => (await get("backups", { table: choice.table, limit: LISTED }, { signal })).backups,
    [choice.table],
  );
  const offered = whole ? (backups) => snapshots(backups, tables.length) : (backups) => backups.map(single);
  const options = listed.data && offered(listed.data);
  const id = choice.id ?? options?.[0]?.[0];
  const none = options?.length === 0 && !choice.id;
  const submit = (event) => {
    event.preventDefault();
    onDone({ ...choice, id });
  };
  const from = (value, key) => html`<${Choice} name="from" value=${value} label=${t(whole ? `${key}.snapshot` : key)} checked=${choice.from === value}
    disabled=${busy} onPick=${() => onChange({ from: value, id: value === "chosen" ? id : choice.id })} />`;

  return html`<${Card}><form class="stack" onSubmit=${submit}>
    <fieldset class="choices"><legend>${t("restore.what")}</legend>
      <div class="choice-line">
        <${Choice} name="what" value="table" label=${t("restore.table")} checked=${!whole} disabled=${busy}
          onPick=${() => whole && onChange({ table: tables[0].name, id: null })} />
        ${!whole && html`<${Select} aria-label=${t("restore.of")} value=${choice.table} disabled=${busy}
          options=${tables.map((table) => [table.name, table.title || table.name])} onChange=${(table) => onChange({ table, id: null })} />`}
      </div>
      <${Choice} name="what" value="snapshot" label=${t("restore.snapshot")} checked=${whole} disabled=${busy}
        onPick=${() => whole || onChange({ table: null, id: null })} />
    </fieldset>
    <fieldset class="choices"><legend>${t("restore.from")}</legend>
      ${from("newest", "restore.newest")}
      <div class="choice-line">
        ${from("chosen", "restore.chosen")}
        ${choice.from === "chosen" && id && html`<${Select} aria-label=${t("restore.backup")} value=${id} disabled=${busy}
          options=${known(options ?? [], id)} onChange=${(next) => onChange({ id: next })} />`}
      </div>
      <${Choice} name="from" value="moment" label=${t("restore.as_of")} checked=${choice.from === "moment"} disabled=${busy} onPick=${() => onChange({ from: "moment" })} />
      ${choice.from === "moment" && html`<${Field} id="restore-moment" label=${t("restore.moment", { zone: ZONE })} hint=${t("restore.moment.hint")}>
        ${(tied) => html`<input ...${tied} class="input" type="datetime-local" required disabled=${busy} value=${choice.moment}
          onInput=${(event) => onChange({ moment: event.currentTarget.value })} />`}<//>`}
    </fieldset>
    ${listed.error && html`<${ProblemNotice} error=${listed.error} retry=${listed.reload} />`}
    ${none && html`<${Notice} kind="warning" title=${t("restore.none")} actions=${html`<${Button} href=${href("/backups")}>${t("restore.none.link")}<//>`} />`}
    <div class="actions"><${Button} kind="primary" icon="search" type="submit" busy=${busy} disabled=${none || (choice.from === "chosen" && !id)}>${t("restore.preview")}<//></div>
  </form><//>`;
}

const Choice = ({ name, value, label, checked, disabled, onPick }) => html`<label class="choice">
  <input type="radio" name=${name} value=${value} checked=${checked} disabled=${disabled} onChange=${onPick} /><span>${label}</span></label>`;

const single = (backup) => [backup.id, told(backup.created, backup.rows)];
const told = (created, rows) => t("restore.option", { moment: moment(created), count: rows });

/** A backup that is older than the list goes, or is named by a link, is a choice too. */
const known = (options, id) => (options.some(([each]) => each === id) ? options : [[id, id], ...options]);

/** The snapshots that have every table. */
function snapshots(backups, tables) {
  const found = new Map();
  for (const backup of backups) found.set(backup.snapshot, [...(found.get(backup.snapshot) ?? []), backup]);
  return [...found]
    .filter(([, group]) => group.length === tables)
    .map(([snapshot, group]) => [snapshot, told(group[0].created, group.reduce((rows, each) => rows + each.rows, 0))]);
}
