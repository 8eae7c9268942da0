// What this client can do beyond the protocol: the server says nothing of it to clients that do not say so.

import type { StaticFeature } from "vscode-languageclient/node";
import { ASKS_ONE } from "./longer";

export const announcement: StaticFeature = {
  fillClientCapabilities(capabilities) {
    // without `longer`, of a line that could not be added to, the server gives all or nothing
    capabilities.experimental = { ...capabilities.experimental, tabby: { longer: ASKS_ONE, steps: true } };
  },
  initialize() {},
  getState: () => ({ kind: "static" }),
  clear() {},
};
