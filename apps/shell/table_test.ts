/**
 * Tables as people see them.
 *
 * Columns as wide as their widest cell; numbers to the right; no blanks at line ends.
 */

import { assertEquals } from "@std/assert";
import { formatTable, type Row } from "./table.ts";

Deno.test("columns are aligned, numbers to the right, and fractions have fixed digits", () => {
  const columns = [
    { field: "pid", heading: "PID" },
    { field: "cpuMs", heading: "CPU (ms)", decimals: 1 },
    { field: "program", heading: "PROGRAM" },
  ];
  const rows = [
    { pid: 7, cpuMs: 12.25, program: "Shell" },
    { pid: 12, cpuMs: 0, program: "FileSystem" },
  ];
  assertEquals(
    formatTable(columns, rows),
    "PID  CPU (ms)  PROGRAM\n" +
      "  7      12.3  Shell\n" +
      " 12       0.0  FileSystem\n",
  );
});

Deno.test("a column with a format of its own shows that, still to the right for numbers", () => {
  const columns = [
    { field: "pass", heading: "PASS" },
    { field: "sum", heading: "SUM", format: ({ sum }: Row) => `${sum}!` },
  ];
  assertEquals(
    formatTable(columns, [{ pass: "a", sum: 5 }, { pass: "b", sum: -10 }]),
    "PASS   SUM\na       5!\nb     -10!\n",
  );
});

Deno.test("a table without rows is its heading, and a missing field an empty cell", () => {
  const columns = [{ field: "a", heading: "A" }, { field: "b", heading: "B" }];
  assertEquals(formatTable(columns, []), "A  B\n");
  assertEquals(formatTable(columns, [{ a: "x" }]), "A  B\nx\n");
});
