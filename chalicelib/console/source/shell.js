// The frame of the console: where the reader can go, who they are, and how they like it.
import { html, useEffect } from "./lib.js";
import { recall, signOut, useSession } from "./api.js";
import { usePlace } from "./router.js";
import { LANGUAGES, speak, t, useLanguage } from "./text.js";
import { THEMES, useTheme, wear } from "./theme.js";
import { useAction } from "./hooks.js";
import { Announcer, Button, Icon, Loading, ProblemNotice, Select } from "./ui.js";
import { NotFoundPage, NAVIGATION, pageOf } from "./routes.js";
import { SignInPage } from "./pages/signin.js";

export function Shell() {
  useLanguage();
  const { token, caller } = useSession();
  return html`
    <a class="skip" href="#main" onClick=${(event) => { event.preventDefault(); document.getElementById("main").focus(); }}>${t("skip")}</a>
    ${token && caller ? html`<${Inside} caller=${caller} />` : html`<${Outside} waiting=${Boolean(token)} />`}
    <${Announcer} />`;
}

function Outside({ waiting }) {
  return html`<header class="top outside"><${Brand} /><${Preferences} /></header>
    <main id="main" tabindex="-1">${waiting ? html`<${Returning} />` : html`<${SignInPage} />`}</main>`;
}

/** A token was kept; the API is asked whose it is. */
function Returning() {
  const [again, { error }] = useAction(recall);
  useEffect(() => { again(); }, []);
  return html`<div class="page">${error
    ? html`<${ProblemNotice} error=${error} retry=${again} /><${Button} onClick=${() => signOut()}>${t("signOut")}<//>`
    : html`<${Loading} />`}</div>`;
}

function Inside({ caller }) {
  const { path, query } = usePlace();
  // On a phone the navigation is wider than the window.
  useEffect(() => document.querySelector(".main-nav [aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" }), [path]);
  const { view, params } = pageOf(path) ?? { view: NotFoundPage, params: {} };
  return html`
    <header class="top">
      <${Brand} />
      <nav class="main-nav" aria-label=${t("nav")}>
        ${NAVIGATION.map(({ to, key, icon }) => html`<a key=${to} href="#${to}" aria-current=${current(to, path) ? "page" : null}>
          <${Icon} name=${icon} /><span>${t(key)}</span></a>`)}
      </nav>
      <${Preferences} caller=${caller} />
    </header>
    <main id="main" tabindex="-1"><${view} key=${path} params=${params} query=${query} /></main>`;
}

const current = (to, path) => (to === "/" ? path === "/" : path === to || path.startsWith(`${to}/`));

const Brand = () => html`<a class="brand" href="#/"><svg viewBox="0 0 32 32" aria-hidden="true"><path class="brand-drop" d="M16 3c5 6.4 8 10.600 8 15a8 8 0 0 1-16 0c0-4.400 3-8.600 8-15Z" /><path class="brand-level" d="M9 19h14a7 7 0 0 1-14 0Z" /></svg><span>Decant</span></a>`;

function Preferences({ caller }) {
  const language = useLanguage();
  const theme = useTheme();
  return html`<details class="preferences" onKeyDown=${closeOnEscape} onFocusOut=${closeOnLeaving}>
    <summary><${Icon} name="sun" /><span class="preferences-name">${caller ? caller.name : t("preferences")}</span></summary>
    <div class="preferences-panel">
      ${caller && html`<p class="preferences-caller"><strong>${caller.name}</strong><span class="hint">${t("scopes")}: ${caller.scopes.map((scope) => t(`scope.${scope}`)).join(", ") || t("scopes.none")}</span></p>`}
      <div class="field"><label for="language">${t("language")}</label>
        <${Select} id="language" value=${language} options=${Object.entries(LANGUAGES)} onChange=${speak} /></div>
      <div class="field"><label for="theme">${t("theme")}</label>
        <${Select} id="theme" value=${theme} options=${THEMES.map((name) => [name, t(`theme.${name}`)])} onChange=${wear} /></div>
      ${caller && html`<${Button} icon="leave" onClick=${() => signOut()}>${t("signOut")}<//>`}
    </div>
  </details>`;
}

function closeOnEscape(event) {
  if (event.key !== "Escape") return;
  event.currentTarget.open = false;
  event.currentTarget.querySelector("summary").focus();
}

function closeOnLeaving(event) {
  if (event.relatedTarget && !event.currentTarget.contains(event.relatedTarget)) event.currentTarget.open = false;
}
