// Answers: Markdown documents that the server shows. They come as a preview, in which links open the code.

import { posix } from "node:path";
import { commands, Uri } from "vscode";
import type { WindowMiddleware } from "vscode-languageclient/node";

const ANSWER = /tabby-lsp\/(.*\/)?answers\/[^/]+\.md$/;

/** Show an answer beside the code; all else as the client would. */
export const showDocument: NonNullable<WindowMiddleware["showDocument"]> = async (params, token, next) => {
  if (!ANSWER.test(params.uri)) return next(params, token);
  await commands.executeCommand("markdown.showPreviewToSide", Uri.parse(params.uri));
  return { success: true };
};

interface Token {
  attrGet(name: string): string | null;
  attrSet(name: string, value: string): void;
}

type Rule = (
  tokens: Token[],
  index: number,
  options: unknown,
  env: { currentDocument?: Uri },
  self: { renderToken(tokens: Token[], index: number, options: unknown): string },
) => string;

/** What is used of markdown-it, which VS Code's preview is made with. */
interface MarkdownIt {
  validateLink(link: string): boolean;
  readonly renderer: { readonly rules: { link_open?: Rule } };
}

/** A line of a file on this machine. */
const LINE = /^file:\/\/\/[^?#]+#L\d+$/;

/** The preview takes no `file:` links: those of answers become relative ones, those of other documents none. */
export function extendMarkdownIt<T extends MarkdownIt>(markdown: T): T {
  const { renderer } = markdown;
  const valid = markdown.validateLink.bind(markdown);
  const render: Rule = renderer.rules.link_open ?? ((tokens, index, options, _, self) => self.renderToken(tokens, index, options));
  markdown.validateLink = (link) => valid(link) || LINE.test(link);
  renderer.rules.link_open = (tokens, index, options, env, self) => {
    const token = tokens[index];
    const link = token?.attrGet("href") ?? "";
    if (token !== undefined && LINE.test(link)) {
      const way = relative(env.currentDocument, Uri.parse(link));
      for (const name of ["href", "data-href"]) token.attrSet(name, way); // the preview's script reads the second one
    }
    return render(tokens, index, options, env, self);
  };
  return markdown;
}

function relative(from: Uri | undefined, { path, fragment }: Uri): string {
  if (from === undefined || !ANSWER.test(from.path)) return "";
  const names = posix.relative(posix.dirname(from.path), path).split("/");
  return `${names.map(encodeURIComponent).join("/")}#${fragment}`;
}
