//! Converts a background's colors to BT.709, with a lookup table for ffmpeg's `lut3d` filter.
//!
//! The table maps the source's nonlinear R'G'B' to nonlinear R'G'B' in BT.709. swscale converts from YUV before it and
//! to YUV after it. All SDR transfers are treated as BT.1886, as in players. HDR is scaled so that 100 nits become SDR
//! white, and its highlights are compressed by the EETF from ITU-R BT.2390.

use std::fmt::Write as _;

/// The number of entries in the table per axis.
const LUT_SIZE: u16 = 65;

/// The luminance of SDR white in nits (ITU-R BT.2035).
const SDR_WHITE_NITS: f64 = 100.0;

/// The peak luminance of an HLG display in nits (ITU-R BT.2100). It is also assumed for PQ if the peak was not measured.
pub(crate) const DEFAULT_PEAK_NITS: f64 = 1000.0;

/// The gamma of an SDR display (ITU-R BT.1886 with a black of zero).
const SDR_GAMMA: f64 = 2.4;

type Matrix = [[f64; 3]; 3];

/// A nonlinear encoding of light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transfer {
    /// Any transfer for SDR displays.
    Sdr,
    /// Linear light.
    Linear,
    /// Logarithmic, 100:1.
    Log100,
    /// Logarithmic, 316:1.
    Log316,
    /// Perceptual quantizer (SMPTE ST 2084).
    Pq,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
}

impl Transfer {
    /// Parses ffprobe's name for a transfer. Returns `None` for unsupported transfers.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "" | "unknown" | "bt709" | "bt470m" | "bt470bg" | "gamma22" | "gamma28" | "smpte170m" | "smpte240m"
            | "iec61966-2-1" | "iec61966-2-4" | "bt1361e" | "bt2020-10" | "bt2020-12" => Self::Sdr,
            "linear" => Self::Linear,
            "log100" => Self::Log100,
            "log316" => Self::Log316,
            "smpte2084" => Self::Pq,
            "arib-std-b67" => Self::Hlg,
            _ => return None,
        })
    }

    pub(crate) fn is_hdr(self) -> bool {
        matches!(self, Self::Pq | Self::Hlg)
    }

    /// Returns the luminance of a gray signal in nits.
    pub(crate) fn nits(self, signal: f64) -> f64 {
        self.to_light([signal; 3], [0.2627, 0.6780, 0.0593])[0] * SDR_WHITE_NITS
    }

    /// Decodes R'G'B' to display light relative to SDR white. `luma` contains the luminance weights of the primaries.
    fn to_light(self, rgb: [f64; 3], luma: [f64; 3]) -> [f64; 3] {
        match self {
            Self::Sdr => rgb.map(|signal| signal.max(0.0).powf(SDR_GAMMA)),
            Self::Linear => rgb,
            Self::Log100 => rgb.map(|signal| if signal <= 0.0 { 0.0 } else { 10_f64.powf(2.0 * (signal - 1.0)) }),
            Self::Log316 => rgb.map(|signal| if signal <= 0.0 { 0.0 } else { 10_f64.powf(2.5 * (signal - 1.0)) }),
            Self::Pq => rgb.map(|signal| pq_to_nits(signal) / SDR_WHITE_NITS),
            Self::Hlg => {
                // ITU-R BT.2100, table 5: the inverse OETF, and the OOTF with a gamma of 1.2 at 1000 nits.
                let scene = rgb.map(hlg_to_scene);
                let luminance: f64 = scene.iter().zip(luma).map(|(light, weight)| light * weight).sum();
                let gain = DEFAULT_PEAK_NITS * luminance.max(0.0).powf(0.2) / SDR_WHITE_NITS;
                scene.map(|light| light * gain)
            }
        }
    }
}

/// Applies the inverse OETF of HLG. Returns scene light, 0 to 1.
fn hlg_to_scene(signal: f64) -> f64 {
    const A: f64 = 0.178_832_77;
    const B: f64 = 0.284_668_92;
    const C: f64 = 0.559_910_73;
    let signal = signal.max(0.0);
    if signal <= 0.5 { signal * signal / 3.0 } else { (((signal - C) / A).exp() + B) / 12.0 }
}

const PQ_M1: f64 = 2610.0 / 16384.0;
const PQ_M2: f64 = 2523.0 / 4096.0 * 128.0;
const PQ_C1: f64 = 3424.0 / 4096.0;
const PQ_C2: f64 = 2413.0 / 4096.0 * 32.0;
const PQ_C3: f64 = 2392.0 / 4096.0 * 32.0;

/// Applies the EOTF of PQ (SMPTE ST 2084). Returns nits.
fn pq_to_nits(signal: f64) -> f64 {
    let power = signal.clamp(0.0, 1.0).powf(1.0 / PQ_M2);
    10_000.0 * ((power - PQ_C1).max(0.0) / (PQ_C2 - PQ_C3 * power)).powf(1.0 / PQ_M1)
}

/// Applies the inverse EOTF of PQ (SMPTE ST 2084).
fn nits_to_pq(nits: f64) -> f64 {
    let power = (nits.max(0.0) / 10_000.0).powf(PQ_M1);
    ((PQ_C1 + PQ_C2 * power) / (1.0 + PQ_C3 * power)).powf(PQ_M2)
}

/// Applies the EETF from ITU-R BT.2390-11, 5.4.1, with a black of zero: maps luminance up to `peak` nits to at most SDR
/// white.
fn compress(nits: f64, peak: f64) -> f64 {
    if peak <= SDR_WHITE_NITS {
        return nits;
    }
    let source_peak = nits_to_pq(peak);
    let target_peak = nits_to_pq(SDR_WHITE_NITS) / source_peak;
    let knee = 1.5 * target_peak - 0.5;
    let signal = (nits_to_pq(nits) / source_peak).min(1.0);
    if signal <= knee {
        return nits;
    }
    let t = (signal - knee) / (1.0 - knee);
    let t2 = t * t;
    let t3 = t2 * t;
    let mapped =
        (2.0 * t3 - 3.0 * t2 + 1.0) * knee + (t3 - 2.0 * t2 + t) * (1.0 - knee) + (3.0 * t2 - 2.0 * t3) * target_peak;
    pq_to_nits(mapped * source_peak)
}

/// The chromaticities of the primaries and the white point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Primaries {
    red: (f64, f64),
    green: (f64, f64),
    blue: (f64, f64),
    white: (f64, f64),
}

const D65: (f64, f64) = (0.3127, 0.3290);
const ILLUMINANT_C: (f64, f64) = (0.310, 0.316);

impl Primaries {
    pub(crate) const BT709: Self =
        Self { red: (0.640, 0.330), green: (0.300, 0.600), blue: (0.150, 0.060), white: D65 };

    /// Parses ffprobe's name for primaries (ITU-T H.273, table 2). Returns `None` for unsupported primaries.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        Some(match name {
            "" | "unknown" | "bt709" => Self::BT709,
            "bt470m" => Self { red: (0.67, 0.33), green: (0.21, 0.71), blue: (0.14, 0.08), white: ILLUMINANT_C },
            "bt470bg" => Self { red: (0.64, 0.33), green: (0.29, 0.60), blue: (0.15, 0.06), white: D65 },
            "smpte170m" | "smpte240m" => {
                Self { red: (0.630, 0.340), green: (0.310, 0.595), blue: (0.155, 0.070), white: D65 }
            }
            "film" => Self { red: (0.681, 0.319), green: (0.243, 0.692), blue: (0.145, 0.049), white: ILLUMINANT_C },
            "bt2020" => Self { red: (0.708, 0.292), green: (0.170, 0.797), blue: (0.131, 0.046), white: D65 },
            "smpte431" => {
                Self { red: (0.680, 0.320), green: (0.265, 0.690), blue: (0.150, 0.060), white: (0.314, 0.351) }
            }
            "smpte432" => Self { red: (0.680, 0.320), green: (0.265, 0.690), blue: (0.150, 0.060), white: D65 },
            "ebu3213" => Self { red: (0.630, 0.340), green: (0.295, 0.605), blue: (0.155, 0.077), white: D65 },
            _ => return None,
        })
    }

    /// Returns the matrix from linear RGB to XYZ (SMPTE RP 177).
    fn to_xyz(self) -> Matrix {
        let [red, green, blue, white] = [self.red, self.green, self.blue, self.white].map(xyz);
        let columns = transpose([red, green, blue]);
        let gains = apply(inverse(columns), white);
        columns.map(|row| [row[0] * gains[0], row[1] * gains[1], row[2] * gains[2]])
    }

    /// Returns the matrix from linear RGB to linear RGB in BT.709, with Bradford adaptation of the white point.
    fn to_bt709(self) -> Matrix {
        const BRADFORD: Matrix = [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]];
        let source = apply(BRADFORD, xyz(self.white));
        let target = apply(BRADFORD, xyz(Self::BT709.white));
        let mut scale = [[0.0; 3]; 3];
        for index in 0..3 {
            scale[index][index] = target[index] / source[index];
        }
        let adapt = multiply(inverse(BRADFORD), multiply(scale, BRADFORD));
        multiply(inverse(Self::BT709.to_xyz()), multiply(adapt, self.to_xyz()))
    }
}

fn xyz((x, y): (f64, f64)) -> [f64; 3] {
    [x / y, 1.0, (1.0 - x - y) / y]
}

fn apply(matrix: Matrix, vector: [f64; 3]) -> [f64; 3] {
    matrix.map(|row| row[0] * vector[0] + row[1] * vector[1] + row[2] * vector[2])
}

fn multiply(a: Matrix, b: Matrix) -> Matrix {
    let columns = transpose(b).map(|column| apply(a, column));
    transpose(columns)
}

fn transpose(m: Matrix) -> Matrix {
    [[m[0][0], m[1][0], m[2][0]], [m[0][1], m[1][1], m[2][1]], [m[0][2], m[1][2], m[2][2]]]
}

/// Inverts a matrix by its adjugate. A color space's primaries are never collinear, so the determinant is not zero.
fn inverse(m: Matrix) -> Matrix {
    let minor = |r: usize, c: usize| {
        let rows = [(r + 1) % 3, (r + 2) % 3];
        let columns = [(c + 1) % 3, (c + 2) % 3];
        m[rows[0]][columns[0]] * m[rows[1]][columns[1]] - m[rows[0]][columns[1]] * m[rows[1]][columns[0]]
    };
    let determinant: f64 = (0..3).map(|c| m[0][c] * minor(0, c)).sum();
    let mut inverted = [[0.0; 3]; 3];
    for (r, row) in inverted.iter_mut().enumerate() {
        for (c, value) in row.iter_mut().enumerate() {
            *value = minor(c, r) / determinant;
        }
    }
    inverted
}

/// A conversion of colors to BT.709.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Conversion {
    pub primaries: Primaries,
    pub transfer: Transfer,
    /// The maximum luminance of the source in nits. Used only for HDR.
    pub peak_nits: f64,
}

impl Conversion {
    /// Returns whether the conversion leaves every color unchanged.
    pub(crate) fn is_identity(&self) -> bool {
        self.transfer == Transfer::Sdr && self.primaries == Primaries::BT709
    }

    /// Converts one color, R'G'B' from 0 to 1.
    fn convert(&self, to_bt709: Matrix, luma: [f64; 3], rgb: [f64; 3]) -> [f64; 3] {
        let mut light = self.transfer.to_light(rgb, luma);
        if self.transfer.is_hdr() {
            // Scale all components by the compression of the largest one, which preserves the hue.
            let largest = light.iter().copied().fold(0.0, f64::max);
            if largest > 0.0 {
                let gain = compress(largest * SDR_WHITE_NITS, self.peak_nits) / (largest * SDR_WHITE_NITS);
                light = light.map(|light| light * gain);
            }
        }
        apply(to_bt709, light).map(|light| light.clamp(0.0, 1.0).powf(1.0 / SDR_GAMMA))
    }

    /// Writes the conversion as a table in the `.cube` format.
    pub(crate) fn cube(&self) -> String {
        let to_bt709 = self.primaries.to_bt709();
        let luma = self.primaries.to_xyz()[1];
        let signal = |index: u16| f64::from(index) / f64::from(LUT_SIZE - 1);
        let mut cube = format!("LUT_3D_SIZE {LUT_SIZE}\n");
        for blue in 0..LUT_SIZE {
            for green in 0..LUT_SIZE {
                for red in 0..LUT_SIZE {
                    let [r, g, b] = self.convert(to_bt709, luma, [signal(red), signal(green), signal(blue)]);
                    let _infallible = writeln!(cube, "{r:.5} {g:.5} {b:.5}");
                }
            }
        }
        cube
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(primaries: &str, transfer: Transfer, peak_nits: f64, rgb: [f64; 3]) -> [f64; 3] {
        let primaries = Primaries::parse(primaries).unwrap();
        let conversion = Conversion { primaries, transfer, peak_nits };
        conversion.convert(primaries.to_bt709(), primaries.to_xyz()[1], rgb)
    }

    fn assert_near(found: [f64; 3], wanted: [f64; 3]) {
        let near = found.iter().zip(wanted).all(|(found, wanted)| (found - wanted).abs() < 0.004);
        assert!(near, "{found:?} is not {wanted:?}");
    }

    #[test]
    fn gray_remains_gray_with_all_primaries() {
        for name in ["bt470m", "bt470bg", "smpte170m", "film", "bt2020", "smpte431", "smpte432", "ebu3213"] {
            assert_near(convert(name, Transfer::Sdr, 0.0, [0.5; 3]), [0.5; 3]);
            assert_near(convert(name, Transfer::Sdr, 0.0, [1.0; 3]), [1.0; 3]);
        }
    }

    #[test]
    fn bt709_colors_survive_conversion_to_bt2020_and_back() {
        // ITU-R BT.2087: linear BT.709 to linear BT.2020.
        let to_bt2020: Matrix = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]];
        for color in [[0.9, 0.5, 0.2], [0.1, 0.2, 0.3], [0.7, 0.1, 0.1]] {
            let linear = color.map(|signal: f64| signal.powf(SDR_GAMMA));
            let wide = apply(to_bt2020, linear).map(|light| light.powf(1.0 / SDR_GAMMA));
            assert_near(convert("bt2020", Transfer::Sdr, 0.0, wide), color);
        }
    }

    #[test]
    fn hdr_signals_have_the_luminance_that_the_standards_specify() {
        // ITU-R BT.2408: the reference white of 203 nits is 58 % PQ and 75 % HLG.
        assert!((Transfer::Pq.nits(0.5807) - 203.0).abs() < 1.0);
        assert!((Transfer::Hlg.nits(0.75) - 203.0).abs() < 1.0);
        assert!((Transfer::Hlg.nits(1.0) - 1000.0).abs() < 1.0);
        assert!((Transfer::Pq.nits(1.0) - 10_000.0).abs() < 1.0);
    }

    #[test]
    fn hdr_without_highlights_is_not_compressed() {
        let gray = nits_to_pq(18.0);
        let wanted = (0.18_f64).powf(1.0 / SDR_GAMMA);
        assert_near(convert("bt2020", Transfer::Pq, 100.0, [gray; 3]), [wanted; 3]);
        assert_near(convert("bt2020", Transfer::Pq, 100.0, [nits_to_pq(100.0); 3]), [1.0; 3]);
    }

    #[test]
    fn highlights_are_compressed_below_white_and_keep_their_order() {
        let mut last = 0.0;
        for nits in [1.0, 10.0, 50.0, 100.0, 203.0, 400.0, 1000.0] {
            let mapped = compress(nits, 1000.0);
            assert!(mapped > last && mapped <= 100.01, "{nits} nits become {mapped}");
            last = mapped;
        }
        assert!((last - 100.0).abs() < 0.1, "the peak becomes white: {last}");
        assert!((compress(10.0, 1000.0) - 10.0).abs() < 0.01, "shadows are unchanged");
        // ITU-R BT.2408 places the reference white near SDR white.
        assert!(compress(203.0, 1000.0) > 80.0);
    }

    #[test]
    fn cube_has_one_line_per_color() {
        let conversion = Conversion { primaries: Primaries::BT709, transfer: Transfer::Sdr, peak_nits: 0.0 };
        assert!(conversion.is_identity());
        let cube = conversion.cube();
        assert_eq!(cube.lines().count(), 1 + 65 * 65 * 65);
        assert!(cube.lines().nth(2).unwrap().starts_with("0.0156"), "red comes first");
    }
}
