// What every module takes from the outside, and a store: a value that components follow.
import { h, render, Fragment, createContext } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import htm from "htm";

export const html = htm.bind(h);
export { h, render, Fragment, createContext, useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState };

/** A value with followers: `get()`, `set(next)`, `follow(listener)`, which gives what ends it. */
export function store(value) {
  const listeners = new Set();
  return {
    get: () => value,
    set(next) {
      if (next === value) return;
      value = next;
      listeners.forEach((listener) => listener());
    },
    follow(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The value of a store, in a component that is drawn again when it changes. */
export function useStore(followed) {
  const [, draw] = useState(0);
  useEffect(() => followed.follow(() => draw((count) => count + 1)), [followed]);
  return followed.get();
}
