// The published videos of a campaign, as a gallery of their posters.

import { call } from "./api.js";
import { actionButton, h, section } from "./dom.js";
import { plural, short } from "./words.js";

/** The number of results that the gallery reads at a time. */
const PAGE = 12;

/** Returns the gallery. It stays hidden until a published result has a video. */
export function gallery(path, signal) {
  const tiles = h("ul", { class: "gallery" });
  const more = h("div", { class: "actions" });
  const note = h("p", { class: "quiet", role: "status" });
  const node = section("Videos", { class: "videos", hidden: true }, tiles, note, more);
  const shown = new Set();

  const add = async (after) => {
    const query = new URLSearchParams({ limit: String(PAGE), status: "published", ...(after && { after }) });
    const { items, next } = await call("GET", `${path}/customers?${query}`, { signal });
    const added = items.filter(({ recommendation }) => recommendation && !shown.has(recommendation));
    for (const { recommendation } of added) shown.add(recommendation);
    const results = await Promise.all(added.map(result));
    tiles.append(...results.filter(Boolean));
    node.hidden = tiles.childElementCount === 0;
    note.textContent = plural(tiles.childElementCount, "video");
    more.replaceChildren(...(next ? actionButton("Show more videos", { class: "plain" }, () => add(next)).flat() : []));
  };

  /** Returns the tile of a result, or null if it may not be shown or has no video. */
  const result = async ({ recommendation, customer_ref }) => {
    const id = recommendation.split("/").pop();
    const { links, media } = await call("GET", `recommendations/${id}`, { signal }).catch((problem) => {
      if (signal.aborted) throw problem;
      return {};
    });
    if (!links?.poster) return null;
    const poster = h("img", {
      src: links.poster, alt: "", loading: "lazy", width: media?.width ?? 1920, height: media?.height ?? 1080,
    });
    return h("li", {}, h("a", { href: `#/recommendations/${id}` }, poster,
      h("span", {}, h("span", { class: "unseen" }, "Video for customer "), h("code", {}, short(customer_ref)))));
  };

  return { node, load: () => add() };
}
