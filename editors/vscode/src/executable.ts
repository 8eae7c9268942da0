// Is there a server to start? Asked before the start, because a failed one is told to the user as "spawn ENOENT".

import { constants } from "node:fs";
import { access } from "node:fs/promises";
import { delimiter, isAbsolute, join } from "node:path";

const SUFFIXES = process.platform === "win32" ? ["", ".exe"] : [""];

/** The absolute path of a command that can be run, or undefined. A relative path is never looked for in a workspace. */
export async function findExecutable(command: string): Promise<string | undefined> {
  const folders = isAbsolute(command) ? [""] : (process.env.PATH ?? "").split(delimiter).filter(isAbsolute);
  for (const folder of folders) {
    for (const suffix of SUFFIXES) {
      const path = join(folder, command) + suffix;
      try {
        await access(path, constants.X_OK);
        return path;
      } catch {
        // the next one
      }
    }
  }
  return undefined;
}
