/**
 * Cases of placement worked out by hand, each under the sentence of the paper that decides it.
 *
 * A case gives the wishes of a manifest, where services run, and the kernels left after
 * each pass that was made, in the order of the passes; the first of the last is chosen.
 * - Unless it says otherwise a case has three kernels: c and n, two NUMA domains of x86, and
 *   d, the device, an XScale. c is busy for half of its time, n for 0.3 and d for 0.1 of it.
 * - `at` gives the kernels that run a service, one letter for each instance.
 */

import type { Candidate } from "../placement.ts";

const x86 = "out-of-order-x86";

/** The kernels of a case that names none. */
export const usual = {
  c: { platform: x86, cpuUse: 0.5 },
  n: { platform: x86, cpuUse: 0.3 },
  d: { platform: "xscale", cpuUse: 0.1 },
} as const;

type Kernels = Readonly<Record<string, Pick<Candidate, "platform" | "cpuUse">>>;

export interface Case {
  readonly section: "3.7.1" | "3.7.2" | "3.7.3" | "3.7.4" | "Figure 3" | "4.5.2, Figure 11";
  readonly sentence: string;
  /** What of it the case shows, when the sentence has several consequences. */
  readonly shows?: string;
  /** Affinities by contract. */
  readonly wishes?: Readonly<Record<string, number>>;
  /** Affinities to the control channels of platforms. */
  readonly platforms?: Readonly<Record<string, number>>;
  readonly at?: Readonly<Record<string, string>>;
  readonly kernels?: Kernels;
  /** Such as "platform c n - cpu n"; "error" when the program cannot be placed. */
  readonly expected: string;
}

export const cases: readonly Case[] = [
  // ------------------------------------------------ expressing affinity
  {
    section: "3.7.1",
    sentence: "stdin is represented in the manifest and has an affinity value of 0, which means that the " +
      "process does not care where it executes in relation to the stdin process.",
    wishes: { Pipe: 0 },
    at: { Pipe: "c" },
    expected: "cpu d",
  },
  {
    section: "3.7.1",
    sentence: "The process lists an affinity value of -1, which means the process expresses a wish to " +
      "execute on a satellite kernel that differs from the kernel that is servicing TCP packets and sockets.",
    wishes: { Pipe: 0, Tcp: -1 },
    at: { Pipe: "c", Tcp: "d" },
    expected: "negative c n - cpu n",
  },
  {
    section: "3.7.1",
    sentence: "The placement of the application is changed simply by changing the affinity entries in the " +
      "manifest.",
    shows: "with 1 instead of -1 the program runs beside TCP",
    wishes: { Pipe: 0, Tcp: 1 },
    at: { Pipe: "c", Tcp: "c" },
    expected: "positive c",
  },
  // ------------------------------------------------ types of affinity
  {
    section: "3.7.2",
    sentence: "A positive affinity value denotes that a process prefers local message passing",
    wishes: { FileSystem: 1 },
    at: { FileSystem: "n" },
    expected: "positive n",
  },
  {
    section: "3.7.2",
    sentence: "A process using negative affinity will benefit from executing in isolation from other " +
      "processes with which it communicates.",
    wishes: { FileSystem: -1 },
    at: { FileSystem: "nd" },
    expected: "negative c",
  },
  {
    section: "3.7.2",
    sentence:
      "The default affinity value, which is zero, indicates no placement preference for the application.",
    expected: "cpu d",
  },
  {
    section: "3.7.2",
    sentence: "wherever a NIC driver executes, the networking stack should execute as well.",
    shows: "even on a device that is busy",
    wishes: { Nic: 5 },
    at: { Nic: "d" },
    kernels: { ...usual, d: { platform: "xscale", cpuUse: 1 } },
    expected: "positive d",
  },
  {
    section: "3.7.2",
    sentence:
      "the Helios networking stack expresses positive affinity with networking drivers to ensure that " +
      "the networking stack and the driver will always execute on the same device.",
    shows: "with several drivers, where most are",
    wishes: { Nic: 5 },
    at: { Nic: "dnn" },
    expected: "positive n",
  },
  {
    section: "3.7.2",
    sentence:
      "a process may express a higher affinity value for a GPU than an x86 processor, so that when both " +
      "are available one will be chosen over the other.",
    platforms: { [x86]: 1, "vector-cpu": 2 },
    kernels: { c: usual.c, g: { platform: "vector-cpu", cpuUse: 0.9 } },
    expected: "platform g",
  },
  {
    section: "3.7.2",
    sentence:
      "Helios uses positive platform affinity values to cull the list of possible satellite kernels that " +
      "are eligible to host a particular process.",
    shows: "what is culled no other affinity brings back",
    wishes: { Tcp: 1000 },
    platforms: { [x86]: 1 },
    at: { Tcp: "d" },
    expected: "platform c n - positive c n - cpu n",
  },
  {
    section: "3.7.2",
    sentence:
      "two CPU bound processes might want to maximize performance by ensuring they do not execute on the " +
      "same satellite kernel.",
    wishes: { Solver: -1 },
    at: { Solver: "d" },
    expected: "negative c n - cpu n",
  },
  {
    section: "3.7.2",
    sentence: "a process might want to ensure it does not suffer from hardware interrupts serviced by a " +
      "particular driver.",
    wishes: { Disk: -1 },
    at: { Disk: "c", Nic: "n" },
    kernels: { c: { platform: x86, cpuUse: 0 }, n: usual.n },
    expected: "negative n",
  },
  {
    section: "3.7.2",
    sentence:
      "By itself, negative affinity provides no guidance other than to attempt to avoid certain satellite " +
      "kernels.",
    shows: "a service on every kernel cannot be avoided",
    wishes: { Tcp: -4 },
    at: { Tcp: "cnd" },
    expected: "negative c n d - cpu d",
  },
  {
    section: "3.7.2",
    sentence:
      "it will execute in isolation from the other process only if there are other satellite kernels " +
      "executing on high throughput x86 processors.",
    wishes: { Store: -1 },
    platforms: { [x86]: 1 },
    at: { Store: "n" },
    expected: "platform c n - negative c",
  },
  {
    section: "3.7.2",
    sentence: "Otherwise, the two processes will execute on the same satellite kernel.",
    wishes: { Store: -1 },
    platforms: { [x86]: 1 },
    at: { Store: "c" },
    kernels: { c: usual.c, d: usual.d },
    expected: "platform c",
  },
  {
    section: "3.7.2",
    sentence:
      "This policy prevents a process from being offloaded onto a CPU that is orders of magnitude slower " +
      "than the developer intended.",
    shows: "both x86 kernels run what is to be avoided, and the device does not",
    wishes: { Store: -1 },
    platforms: { [x86]: 1 },
    at: { Store: "cn" },
    expected: "platform c n - negative c n - cpu n",
  },
  {
    section: "3.7.2",
    sentence: "When additional copies are invoked, Helios will ensure they run independently on different " +
      "satellite kernels.",
    shows: "the second copy",
    wishes: { Indexer: -1 },
    at: { Indexer: "d" },
    expected: "negative c n - cpu n",
  },
  {
    section: "3.7.2",
    sentence: "When additional copies are invoked, Helios will ensure they run independently on different " +
      "satellite kernels.",
    shows: "the third copy: all that run count, not the first alone",
    wishes: { Indexer: -1 },
    at: { Indexer: "dn" },
    expected: "negative c",
  },
  {
    section: "3.7.2",
    sentence: "When additional copies are invoked, Helios will ensure they run independently on different " +
      "satellite kernels.",
    shows: "the fifth copy goes where fewest are: each instance counts",
    wishes: { Indexer: -1 },
    at: { Indexer: "dncd" },
    expected: "negative c n - cpu n",
  },
  {
    section: "3.7.2",
    sentence: "Platform preferences do not require any additional mechanism.",
    shows: "a negative affinity to a platform's control channels is a negative affinity like others",
    platforms: { xscale: -1 },
    expected: "negative c n - cpu n",
  },
  // ------------------------------------------------ policies into actions
  {
    section: "3.7.3",
    sentence:
      "Affinity values are prioritized first by platform affinities, then by other positive affinities, " +
      "and finally by negative affinities.",
    wishes: { FileSystem: 1, Store: -1 },
    platforms: { [x86]: 1 },
    at: { FileSystem: "cnd", Store: "cd" },
    expected: "platform c n - positive c n - negative n",
  },
  {
    section: "3.7.3",
    sentence:
      "CPU utilization acts as a tie breaker if more than one kernel meets the criteria expressed in the " +
      "manifest.",
    wishes: { FileSystem: 1 },
    at: { FileSystem: "cn" },
    expected: "positive c n - cpu n",
  },
  {
    section: "3.7.3",
    sentence:
      "Helios starts with the platform with the highest affinity value and searches for satellite kernels " +
      "with matching platforms advertised in the namespace.",
    platforms: { xscale: 1, [x86]: 2 },
    expected: "platform c n - cpu n",
  },
  {
    section: "3.7.3",
    sentence: "If none exist, than it moves to the next preferred platform.",
    platforms: { "vector-cpu": 9, xscale: 3, [x86]: 1 },
    expected: "platform d",
  },
  {
    section: "3.7.3",
    sentence:
      "If only one kernel is available for a particular platform, then the process is complete and the " +
      "process is started.",
    wishes: { Tcp: 5, Store: -5 },
    platforms: { xscale: 1 },
    at: { Tcp: "c", Store: "d" },
    expected: "platform d",
  },
  {
    section: "3.7.3",
    sentence: "If platforms are preferred and no kernels are available, then Helios returns an error.",
    platforms: { "vector-cpu": 9, gpu: 3 },
    expected: "error",
  },
  {
    section: "3.7.3",
    sentence: "However, if no platform is preferred, then all satellite kernels are kept.",
    shows: "an affinity of zero is no preference",
    wishes: { Tcp: -1 },
    platforms: { [x86]: 0 },
    at: { Tcp: "cn" },
    expected: "negative d",
  },
  {
    section: "3.7.3",
    sentence:
      "If multiple satellite kernels for the preferred platform are available, then only those kernels are " +
      "used in the second step of the algorithm.",
    wishes: { FileSystem: 1 },
    platforms: { [x86]: 1 },
    at: { FileSystem: "ddc" },
    expected: "platform c n - positive c",
  },
  {
    section: "3.7.3",
    sentence:
      "The total positive affinity for each satellite kernel is calculated by summing the affinity values " +
      "for each service, specified by the manifest, which is executing on that satellite kernel.",
    shows: "2 + 2 beat 3",
    wishes: { A: 2, B: 2, C: 3 },
    at: { A: "c", B: "c", C: "d" },
    expected: "positive c",
  },
  {
    section: "3.7.3",
    sentence:
      "The total positive affinity for each satellite kernel is calculated by summing the affinity values " +
      "for each service, specified by the manifest, which is executing on that satellite kernel.",
    shows: "two services of one contract are two: 2 + 2 beat 3",
    wishes: { A: 2, C: 3 },
    at: { A: "nn", C: "d" },
    expected: "positive n",
  },
  {
    section: "3.7.3",
    sentence:
      "The total positive affinity for each satellite kernel is calculated by summing the affinity values " +
      "for each service, specified by the manifest, which is executing on that satellite kernel.",
    shows: "services that run nowhere add nothing, and those that the manifest does not name neither",
    wishes: { A: 7 },
    at: { B: "ccc" },
    expected: "positive c n d - cpu d",
  },
  {
    section: "3.7.3",
    sentence: "If a single satellite kernel remains after this step, then the kernel is returned.",
    shows: "negative affinity is not looked at any more",
    wishes: { A: 1, B: -1000 },
    at: { A: "c", B: "c" },
    expected: "positive c",
  },
  {
    section: "3.7.3",
    sentence:
      "If multiple satellite kernels remain, either because there were multiple kernels with the same " +
      "maximum sum or because positive affinity was not specified, then negative affinity values are processed.",
    shows: "the same maximum sum",
    wishes: { A: 1, B: -1 },
    at: { A: "cd", B: "d" },
    expected: "positive c d - negative c",
  },
  {
    section: "3.7.3",
    sentence:
      "If multiple satellite kernels remain, either because there were multiple kernels with the same " +
      "maximum sum or because positive affinity was not specified, then negative affinity values are processed.",
    shows: "positive affinity was not specified",
    wishes: { A: 0, B: -1 },
    at: { A: "d", B: "dc" },
    expected: "negative n",
  },
  {
    section: "3.7.3",
    sentence:
      "The same algorithm is applied to negative affinity values as was used with positive affinity values.",
    shows: "sums: -1 twice is better than -3 once",
    wishes: { A: -1, B: -3 },
    at: { A: "ccnnn", B: "d" },
    expected: "negative c",
  },
  {
    section: "3.7.3",
    sentence:
      "If after processing negative affinity values there are multiple satellite kernels available, then " +
      "Helios selects the satellite kernel with the lowest total CPU load.",
    wishes: { A: -1 },
    at: { A: "d" },
    kernels: { ...usual, c: { platform: x86, cpuUse: 0.2 } },
    expected: "negative c n - cpu c",
  },
  {
    section: "3.7.3",
    sentence:
      "As can be seen, the algorithm prioritizes positive affinity over negative affinity by processing " +
      "positive affinity values first.",
    shows: "the two are not summed up: 1 - 1000 on one kernel beats 0 on the others",
    wishes: { A: 1, B: -500 },
    at: { A: "d", B: "dd" },
    expected: "positive d",
  },
  {
    section: "3.7.3",
    sentence:
      "For example, we knew that a platform preference would always be honored no matter what other " +
      "affinity values were present.",
    wishes: { A: 1000, B: -1000 },
    platforms: { xscale: 1 },
    at: { A: "cccnnn", B: "ddd" },
    expected: "platform d",
  },
  // ------------------------------------------------ the pseudocode
  {
    section: "Figure 3",
    sentence: "keep only kernels equal to max platform affinity",
    shows: "two platforms that are equally wanted are both kept",
    wishes: { A: 1 },
    platforms: { [x86]: 2, xscale: 2 },
    at: { A: "d" },
    expected: "platform c n d - positive d",
  },
  {
    section: "Figure 3",
    sentence: "keep only kernels with min negative affinity",
    shows: "the least bad ones, not those with the lowest sum",
    wishes: { A: -1 },
    at: { A: "ccnd" },
    expected: "negative n d - cpu d",
  },
  {
    section: "Figure 3",
    sentence: "return kernel with lowest CPU utilization",
    shows: "what still ties ends at the lowest number, whatever the order of the list (not in the paper)",
    kernels: { c: { platform: x86, cpuUse: 0.2 }, n: { platform: x86, cpuUse: 0.2 } },
    expected: "cpu c n",
  },
  {
    section: "Figure 3",
    sentence: "if number of kernels is 1 return kernel",
    shows: "with one kernel from the start no pass decides",
    wishes: { A: -9 },
    at: { A: "c" },
    kernels: { c: usual.c },
    expected: "",
  },
  // ------------------------------------------------ the mail server
  {
    section: "3.7.4",
    sentence:
      "the antivirus service expresses a negative affinity with the mailstore, so that it has a maximum " +
      "number of CPU cycles available to it, and is not interrupted by hardware interrupts either from the disk " +
      "or the network.",
    wishes: { MailStore: -1 },
    at: { MailStore: "c", FileSystem: "c", Disk: "c", Nic: "c", Tcp: "c" },
    kernels: { c: usual.c, n: usual.n },
    expected: "negative n",
  },
  {
    section: "3.7.4",
    sentence: "the mail service expresses a positive affinity with the file system",
    shows: "it runs beside the file system although the other domain is idle",
    wishes: { FileSystem: 1, AntiVirus: 0 },
    at: { FileSystem: "c", AntiVirus: "n" },
    kernels: { c: usual.c, n: { platform: x86, cpuUse: 0 } },
    expected: "positive c",
  },
  {
    section: "3.7.4",
    sentence: "the SMTP service expresses no preference with regards to the networking stack.",
    wishes: { Tcp: 0, AntiVirus: 0, MailStore: 0 },
    at: { Tcp: "c", AntiVirus: "n", MailStore: "c" },
    kernels: { c: usual.c, n: usual.n },
    expected: "cpu n",
  },
  // ------------------------------------------------ two scanners
  {
    section: "4.5.2, Figure 11",
    sentence:
      "When the antivirus scanner first launches, the affinity algorithm falls back on CPU utilization.",
    shows: "nothing runs yet that its affinity to itself is about",
    wishes: { AntiVirus: -1 },
    at: { MailStore: "c", FileSystem: "c", Indexer: "c" },
    kernels: { c: usual.c, n: usual.n },
    expected: "negative c n - cpu n",
  },
  {
    section: "4.5.2, Figure 11",
    sentence:
      "Since the indexer creates CPU contention in domain 0, Helios launches the first antivirus scanner " +
      "in domain 1.",
    wishes: { AntiVirus: -1 },
    at: { Indexer: "c" },
    kernels: { c: { platform: x86, cpuUse: 0.9 }, n: { platform: x86, cpuUse: 0.899 } },
    expected: "negative c n - cpu n",
  },
  {
    section: "4.5.2, Figure 11",
    sentence:
      "When the second antivirus scanner is launched, self-reference affinity causes Helios to choose " +
      "domain 0.",
    shows: "although domain 0 is the busier one",
    wishes: { AntiVirus: -1 },
    at: { AntiVirus: "n", Indexer: "c", Tcp: "c" },
    kernels: { c: { platform: x86, cpuUse: 1 }, n: usual.n },
    expected: "negative c",
  },
];
