// Filters on columns, as the API takes them: `column=value` or `column__operator=value`.
import { html, useRef, useState } from "../lib.js";
import { t } from "../text.js";
import { Button, Icon, Select } from "../ui.js";

const OPERATORS = ["eq", "gte", "lte", "gt", "lt"];
const FIELDS = { date: { type: "date" }, datetime: { type: "datetime-local", step: 1 }, integer: { inputmode: "numeric" }, number: { inputmode: "decimal" } };

/** `filters` by the names of their parameters; `onChange(filters)` gets the next ones. */
export function Filters({ table, filters, onChange }) {
  const [name, setName] = useState(table.columns[0].name);
  const [operator, setOperator] = useState("eq");
  const [value, setValue] = useState("");
  const field = useRef();
  const column = table.columns.find((each) => each.name === name);
  const choices = column.type === "boolean" ? [true, false] : column.constraints.enum;
  const used = choices ? "eq" : operator;
  const add = (event) => {
    event.preventDefault();
    const given = choices ? value || String(choices[0]) : value.trim();
    if (!given) return field.current.focus();
    setValue("");
    onChange({ ...filters, [used === "eq" ? name : `${name}__${used}`]: given });
  };
  return html`<div class="row-filters">
    <form class="filter-form" onSubmit=${add} aria-label=${t("table.filter")}>
      <${Select} aria-label=${t("table.filter.column")} value=${name} options=${table.columns.map((each) => [each.name, each.name])}
        onChange=${(next) => { setName(next); setValue(""); }} />
      <${Select} aria-label=${t("table.filter.operator")} value=${used}
        options=${(choices ? ["eq"] : OPERATORS).map((each) => [each, t(`table.operator.${each}`)])} onChange=${setOperator} />
      ${choices
        ? html`<${Select} aria-label=${t("table.filter.value")} value=${value || String(choices[0])}
            options=${choices.map((each) => [String(each), column.type === "boolean" ? t(`table.${each}`) : String(each)])} onChange=${setValue} />`
        : html`<input class="input" ref=${field} ...${FIELDS[column.type] ?? {}} key=${column.type} aria-label=${t("table.filter.value")}
            placeholder=${t("table.filter.value")} value=${value} onInput=${(event) => setValue(event.currentTarget.value)} />`}
      <${Button} type="submit" icon="search">${t("table.filter")}<//>
    </form>
    ${Object.keys(filters).length > 0 &&
    html`<ul class="chips" aria-label=${t("table.filter.active")}>
      ${Object.entries(filters).map(([key, given]) => {
        const told = words(table, key, given);
        const { [key]: _, ...others } = filters;
        return html`<li key=${key}><button type="button" class="chip" aria-label=${t("table.filter.remove", { filter: told })} onClick=${() => onChange(others)}>
          <span>${told}</span><${Icon} name="cross" /></button></li>`;
      })}
    </ul>`}
  </div>`;
}

function words(table, key, value) {
  const plain = table.columns.some((column) => column.name === key);
  const [name, operator] = plain ? [key, "eq"] : [key.slice(0, key.lastIndexOf("__")), key.slice(key.lastIndexOf("__") + 2)];
  return OPERATORS.includes(operator) ? `${name} ${t(`table.operator.${operator}`)} ${value}` : `${key} = ${value}`;
}
