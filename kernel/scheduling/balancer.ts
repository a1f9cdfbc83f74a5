/**
 * Balancers: which CPUs of a kernel are interrupted when there is work for them.
 *
 * Chosen in the system manifest, for all kernels or for one; docs/scheduling.md compares them.
 * - `wake-last`, the RDK's: a thread that starts or wakes has a CPU, the one it ran on last or, when it is new,
 *   the next in turn. That CPU gets an IPI if it is idle; nobody gets one otherwise, and none for a yield.
 * - `announce`, what the paper says of its Figure 9: work is assigned to idle CPUs, whichever they are, and a
 *   thread that goes back to the runnable queue is announced to all other CPUs, which dispatch anew.
 */

export const balancerNames = ["wake-last", "announce"] as const;
export type BalancerName = typeof balancerNames[number];

/** What a system manifest that says nothing means: the RDK's, as the MinScheduler is the RDK's. */
export const defaultBalancer: BalancerName = "wake-last";

/**
 * Every so many threads that go back to the runnable queue, `announce` announces one (fitted: the whole number
 * that brings Figure 9 nearest to its 0.32; docs/scheduling.md).
 */
export const announceEvery = 3;
