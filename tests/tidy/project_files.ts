/**
 * The files of the project as the tidiness rules see them: a path from the top, and the text.
 *
 * Read once per run. What `.gitignore` names is not part of the project and is left out, so a disk image
 * or a build folder in a working copy breaks no rule. Samples in the self-tests have the same form,
 * which is how each rule is shown to fail.
 */
import { fromFileUrl, join } from "@std/path";

export interface ProjectFile {
  /** From the top of the project, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** The top folder of the project. */
export const projectFolder = fromFileUrl(new URL("../../", import.meta.url));

/** Everything at the top level that `.gitignore` does not name. */
export function topLevelEntries(): string[] {
  const isIgnored = ignoredNames(Deno.readTextFileSync(join(projectFolder, ".gitignore")));
  return [...Deno.readDirSync(projectFolder)].map((entry) => entry.name)
    .filter((name) => name !== ".git" && !isIgnored(name)).sort();
}

/** All text files below the top level that the rules look at. */
export function projectFiles(): ProjectFile[] {
  const files: ProjectFile[] = [];
  const visit = (path: string) => {
    const info = Deno.statSync(join(projectFolder, path));
    if (info.isDirectory) {
      for (const entry of Deno.readDirSync(join(projectFolder, path))) visit(`${path}/${entry.name}`);
    } else if (/\.(?:ts|md|xml)$/.test(path)) {
      files.push({ path, text: Deno.readTextFileSync(join(projectFolder, path)) });
    }
  };
  for (const name of topLevelEntries()) visit(name);
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

/** Understands the two forms that our `.gitignore` uses: `/name` and `*.ending`. */
function ignoredNames(text: string): (name: string) => boolean {
  const lines = text.split("\n").map((line) => line.trim()).filter((line) => line !== "" && line[0] !== "#");
  return (name) => lines.some((line) => line[0] === "*" ? name.endsWith(line.slice(1)) : line === `/${name}`);
}
