// The door: a token, which is kept until the browser's tab is closed.
import { html, useEffect, useRef, useState } from "../lib.js";
import { signIn, useSession } from "../api.js";
import { useAction } from "../hooks.js";
import { t } from "../text.js";
import { Button, Field, Notice, ProblemNotice } from "../ui.js";

export function SignInPage() {
  const [token, setToken] = useState("");
  const { left } = useSession();
  const field = useRef();
  const [enter, { busy, error, clear }] = useAction(() => signIn(token.trim().replace(/^bearer\s+/i, "")));
  const unknown = error?.status === 401 || error?.status === 403;
  useEffect(() => {
    document.title = `${t("signIn.title")} · Decant`;
    field.current.focus();
  }, []);
  useEffect(() => { if (unknown) field.current.focus(); }, [unknown]);

  return html`<div class="door">
    <h1>${t("signIn.title")}</h1>
    <p class="lead">${t("signIn.lead")}</p>
    ${left === "expired" && !error && html`<${Notice} kind="warning" title=${t("signIn.expired")}><p>${t("signIn.expired.text")}</p><//>`}
    ${error && !unknown && html`<${ProblemNotice} error=${error} />`}
    <form class="card" onSubmit=${(event) => { event.preventDefault(); if (token.trim()) enter(); else field.current.focus(); }}>
      <${Field} id="token" label=${t("signIn.token")} hint=${t("signIn.hint")} error=${unknown && t("signIn.unknown")}>
        ${(tied) => html`<input ...${tied} ref=${field} class="input mono" type="password" required autocomplete="off"
          spellcheck="false" autocapitalize="off" value=${token}
          onInput=${(event) => { setToken(event.currentTarget.value); clear(); }} />`}
      <//>
      <${Button} kind="primary" type="submit" busy=${busy}>${t("signIn.enter")}<//>
    </form>
  </div>`;
}
