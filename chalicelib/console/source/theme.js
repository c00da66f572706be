// Light or dark: as the system has it, unless the reader chose.
import { store, useStore } from "./lib.js";

const KEPT = "decant-theme";
export const THEMES = ["system", "light", "dark"];

const theme = store(THEMES.includes(localStorage.getItem(KEPT)) ? localStorage.getItem(KEPT) : "system");
theme.follow(apply);
apply();

function apply() {
  document.documentElement.dataset.theme = theme.get();
}

export const useTheme = () => useStore(theme);

/** Take one of THEMES from now on. */
export function wear(name) {
  localStorage.setItem(KEPT, name);
  theme.set(name);
}
