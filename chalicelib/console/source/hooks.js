// What components do over time: load, and follow what goes on.
import { useCallback, useEffect, useRef, useState } from "./lib.js";

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 15000;

/**
 * Load something now and whenever `dependencies` change: `{ data, error, loading, reload, put }`. The data of before
 * stay while newer ones are on their way. `reload()` asks again; `put(data)` sets what the caller knows already.
 * With `busy(data)` true it is asked again and again while the page is in sight: after a second, and then ever less
 * often as long as nothing changes.
 */
export function useLoaded(load, dependencies = [], { busy = () => false } = {}) {
  const [state, setState] = useState({ data: null, error: null, loading: true });
  const [round, setRound] = useState(0);
  const latest = useRef();
  latest.current = { load, busy };
  const reload = useCallback(() => setRound((count) => count + 1), []);
  const put = useCallback((data) => setState({ data, error: null, loading: false }), []);

  useEffect(() => setState({ data: null, error: null, loading: true }), dependencies);
  useEffect(() => {
    const stop = new AbortController();
    let timer;
    let pause = FIRST_PAUSE;
    let before;
    setState((old) => ({ ...old, loading: true }));

    async function once() {
      try {
        const data = await latest.current.load(stop.signal);
        if (stop.signal.aborted) return;
        setState({ data, error: null, loading: false });
        if (!latest.current.busy(data)) {
          before = undefined;
          return;
        }
        const text = JSON.stringify(data);
        pause = text === before ? Math.min(pause * 1.5, LONGEST_PAUSE) : FIRST_PAUSE;
        before = text;
      } catch (error) {
        if (stop.signal.aborted || error.name === "AbortError") return;
        setState((old) => ({ ...old, error, loading: false }));
        // A page that shows nothing waits for its reader; one that followed something tries again.
        if (before === undefined) return;
        pause = Math.min(pause * 2, LONGEST_PAUSE);
      }
      schedule();
    }
    function schedule() {
      clearTimeout(timer);
      if (!stop.signal.aborted && !document.hidden) timer = setTimeout(once, pause);
    }
    function seen() {
      if (!document.hidden && before !== undefined) once();
      else clearTimeout(timer);
    }
    once();
    document.addEventListener("visibilitychange", seen);
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", seen);
    };
  }, [...dependencies, round]);
  return { ...state, reload, put };
}

/**
 * Do something that the reader asked for: `[run, { busy, error, clear }]`. While it goes on, `run` does nothing; it
 * gives what `action` gives, or undefined when that threw, and `error` tells.
 */
export function useAction(action) {
  const [state, setState] = useState({ busy: false, error: null });
  const running = useRef(false);
  const run = async (...given) => {
    if (running.current) return undefined;
    running.current = true;
    setState({ busy: true, error: null });
    try {
      const done = await action(...given);
      setState({ busy: false, error: null });
      return done;
    } catch (error) {
      setState({ busy: false, error });
      return undefined;
    } finally {
      running.current = false;
    }
  };
  return [run, { ...state, clear: () => setState({ busy: false, error: null }) }];
}
