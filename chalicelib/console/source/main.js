// The web console: a client of the API. `make console` makes the one script of all modules that browsers load.
//
//   lib.js     preact and htm, and `store`      text.js   words, numbers, moments: t("key", { name })
//   api.js     get, post, download, sendFile    router.js usePlace, href, go
//   hooks.js   useLoaded, useAction             ui.js     Page, Card, Table, Dialog, ProblemNotice, …
//   routes.js  path -> page, navigation         pages/    export function XPage({ params, query })
//   dictionary.js useTables                   uploads.js, corrections.js   what goes on while pages change
//
// A page draws `<${Page} title=…>`, loads with `useLoaded((signal) => get("runs", {}, { signal }), [])` and shows what
// came by `<${Loaded} from=${runs}>${(data) => …}<//>`, which also draws the waiting and the failing. What changes things
// goes through `useAction`. Whether the caller may is `may("write")`. Every text stands in both languages: text.en.js, text.es.js, text/.
// Styles are in style.css alone: the policy of contents lets no other through, no style attribute either.
import { html, render } from "./lib.js";
import { Shell } from "./shell.js";

render(html`<${Shell} />`, document.getElementById("app"));
