//! The captions as an ASS document: the spoken words in a box at the bottom, with the current word highlighted.

use crate::ass::{Align, Colour, Document, DrawStyle, Highlight, TextLine, TimedWord};
use crate::background_luma::BackgroundLuma;
use crate::canvas::{Placement, panel_opacity};
use crate::captions::Cue;
use crate::font::Role;
use crate::layout::{Frame, Rect};
use crate::scenes::kit::SceneKit;

/// The captions.
pub(crate) struct CaptionTrack {
    /// The ASS document.
    pub document: String,
    /// The boxes with their times.
    pub placements: Vec<Placement>,
}

/// Composes captions. `lit` tells whether the word being spoken is lit.
pub(crate) fn compose(
    kit: &SceneKit,
    (cues, lit): (&[Cue], bool),
    background: &BackgroundLuma,
    frame: &Frame,
) -> CaptionTrack {
    let SceneKit { fonts, palette, .. } = kit;
    let Frame { safe, captions_bottom, caption_em, caption_leading, caption_pad: (pad_x, pad_y), .. } = *frame;
    let middle = frame.dimensions().0 / 2.0;
    let mut document = Document::new(fonts, frame.size);
    let mut placements = Vec::new();
    // The opacity that the box needs.
    let opacity = |area: Rect| {
        let level = background.level(area, frame.dimensions());
        panel_opacity(palette.caption_box.luma(), palette.caption_word.luma(), level, 0.9)
    };
    for cue in cues {
        let time = (cue.start, cue.end);
        let texts: Vec<String> = cue.lines.iter().map(crate::captions::Line::text).collect();
        let widest = texts.iter().map(|text| fonts.width(Role::Body, text, caption_em)).fold(0.0, f64::max);
        // A line of 42 wide letters may be wider than the frame.
        let scale = ((safe.w - 2.0 * pad_x) / widest.max(1.0)).min(1.0);
        let em = caption_em * scale;
        let leading = caption_leading * scale;
        #[expect(clippy::cast_precision_loss, reason = "two lines at most")]
        let height = leading * texts.len() as f64 + 2.0 * pad_y;
        let width = widest * scale + 2.0 * pad_x;
        let area = Rect { x: middle - width / 2.0, y: captions_bottom - height, w: width, h: height };
        placements.push(Placement { kind: "captions", start: time.0, end: time.1, area });
        let panel = DrawStyle::plain(palette.caption_box).at(opacity(area));
        document.rectangle(3, time, area, 14.0, &panel);
        let style = DrawStyle::plain(Colour::WHITE);
        for (index, (line, text)) in cue.lines.iter().zip(&texts).enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "two lines at most")]
            let top = area.y + pad_y + leading * index as f64;
            // Latin capitals are about 0.66 em high. This centers them in their line.
            let baseline = top + f64::midpoint(leading, 0.66 * em);
            let text_line = TextLine { role: Role::Body, em, align: Align::Center, x: middle, baseline, text };
            if !lit {
                document.text(4, time, &text_line, &style);
                continue;
            }
            let mut offset = 0;
            let mut words = Vec::new();
            for (index, piece) in line.pieces.iter().enumerate() {
                offset += usize::from(index > 0 && !piece.glued);
                words.push(TimedWord { offset, start: piece.start, end: piece.end });
                offset += piece.text.len();
            }
            let highlight = Highlight { words: &words, colour: palette.caption_word };
            document.highlighted_text(4, time, &text_line, &style, &highlight);
        }
    }
    CaptionTrack { document: document.finish(), placements }
}
