/**
 * Stand-in for `jsr:@std/async`: the functions of it that we call, for places that cannot reach JSR.
 *
 * `links` in the top deno.json puts this package where the real one would be; without that line the
 * real one is used and nothing else changes, because names and signatures are the same.
 * - Host time only. Nothing inside the machine may wait with these: it has its event queue.
 * - A late `deadline` rejects with a `DOMException` named `TimeoutError`, as the real one does.
 *
 * Left out: everything but `delay`, `deadline` and `abortable` for a promise.
 */
import { setTimeout as wait } from "node:timers/promises";

/** How a delay may be cut short, and whether it keeps the host process alive. */
export interface DelayOptions {
  /** Aborts the delay; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Whether the host process goes on as long as the timer runs; true by default. */
  persistent?: boolean;
}

/** How a deadline may be cut short. */
export interface DeadlineOptions {
  /** Aborts the wait; the promise then rejects with the signal's reason. */
  signal?: AbortSignal;
}

/** Resolves after `ms` milliseconds of host time. */
export async function delay(ms: number, options: DelayOptions = {}): Promise<void> {
  const { signal, persistent = true } = options;
  signal?.throwIfAborted();
  try {
    await wait(ms, undefined, signal === undefined ? { ref: persistent } : { ref: persistent, signal });
  } catch (error) {
    // Node wraps the reason in an AbortError of its own; the real package hands it over as it is.
    signal?.throwIfAborted();
    throw error;
  }
}

/** Settles as `promise` does, or rejects once `signal` aborts. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener("abort", abort));
}

/** Settles as `promise` does, or rejects after `ms` milliseconds of host time. */
export async function deadline<T>(
  promise: Promise<T>,
  ms: number,
  options: DeadlineOptions = {},
): Promise<T> {
  // A timer of our own: one from AbortSignal.timeout would outlive a promise that settles first.
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(new DOMException("Signal timed out.", "TimeoutError")), ms);
  const signal = options.signal === undefined ? late.signal : AbortSignal.any([late.signal, options.signal]);
  try {
    return await abortable(promise, signal);
  } finally {
    clearTimeout(timer);
  }
}
