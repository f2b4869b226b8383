using System.Text.Json;

namespace OnnxStream.Interop.Speech.Tests.Transcription;

/// <summary>What is written is what a program of its own writes (Models/make_whisper.py), and token by token what ONNX Runtime computes.</summary>
public class SpeechToTextTests
{
    private static readonly JsonElement s_expected = Read();
    private static readonly TranscriptionOptions s_greedy = new() { Temperatures = [0], NoSpeechThreshold = null };
    private static readonly string[] s_cases = ["plain", "translated", "without times", "prompted", "parts", "short", "silent"];

    private static string Folder => Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "tiny-whisper");

    [TestCase(80)]
    [TestCase(128)]
    public void WhatIsHeardIsWhatNumpyHears(int bands)
    {
        JsonElement expected = s_expected.GetProperty("mels").EnumerateArray().Single(mel => mel.GetProperty("bands").GetInt32() == bands);
        LogMelSpectrogram spectrogram = new(TestSound.Make(4), bands);
        Assert.That(spectrogram.FrameCount, Is.EqualTo(400));
        float[] actual = spectrogram.Read(0);
        float[] later = spectrogram.Read(100);
        foreach (JsonElement value in expected.GetProperty("values").EnumerateArray())
        {
            (int band, int frame, double energy) = (value[0].GetInt32(), value[1].GetInt32(), value[2].GetDouble());
            Assert.That(actual[(band * LogMelSpectrogram.WindowFrames) + frame], Is.EqualTo(energy).Within(2e-4), $"band {band}, frame {frame}");
            if (frame >= 100)
            {
                Assert.That(later[(band * LogMelSpectrogram.WindowFrames) + frame - 100], Is.EqualTo(actual[(band * LogMelSpectrogram.WindowFrames) + frame]));
            }
        }

        Assert.That(actual[400..LogMelSpectrogram.WindowFrames], Is.All.Zero, "behind the sound");
    }

    [Test]
    public void TextIsThatOfAProgramOfItsOwn([ValueSource(nameof(s_cases))] string name, [Values] bool isMerged)
    {
        using TemporaryFolder folder = new();
        string path = isMerged ? Merged(folder) : Folder;
        using SpeechToText model = SpeechToText.FromFolder(path, new SessionOptions { ThreadCount = 1 });
        (Sound sound, TranscriptionOptions options) = Case(name);
        Speech.Transcription transcription = model.Transcribe(sound, options);
        TranscriptSegment[] segments = [.. transcription];
        JsonElement expected = s_expected.GetProperty("cases").GetProperty(name);
        Assert.That(transcription.Language, Is.EqualTo(expected.GetProperty("language").GetString()));
        Assert.That(segments.Select(segment => segment.Text), Is.EqualTo(expected.GetProperty("segments").EnumerateArray().Select(segment => segment.GetProperty("text").GetString())));
        foreach ((TranscriptSegment actual, JsonElement wanted) in segments.Zip(expected.GetProperty("segments").EnumerateArray()))
        {
            Assert.That(actual.Tokens, Is.EqualTo(wanted.GetProperty("tokens").EnumerateArray().Select(token => token.GetInt32())));
            Assert.That(actual.Start.TotalSeconds, Is.EqualTo(wanted.GetProperty("start").GetDouble()).Within(1e-3));
            Assert.That(actual.End.TotalSeconds, Is.EqualTo(wanted.GetProperty("end").GetDouble()).Within(1e-3));
            Assert.That(actual.AverageLogProbability, Is.EqualTo(wanted.GetProperty("likelihood").GetDouble()).Within(1e-3));
            Assert.That(actual.NoSpeechProbability, Is.EqualTo(wanted.GetProperty("silent").GetDouble()).Within(1e-4));
        }
    }

    [Test]
    public void ScoresAreThoseOfOnnxRuntimeTokenByToken()
    {
        WhisperFolder folder = new(Folder);
        using WhisperDecoder decoder = new(folder, new SessionOptions { ThreadCount = 1 });
        float[] features = new LogMelSpectrogram(TestSound.Make(30), folder.BandCount).Read(0);
        TensorBuffer heard = decoder.Encode(features, CancellationToken.None);
        TensorBuffer expectedHeard = Oracle.Run(Path.Combine(Folder, "encoder_model.onnx"), new Dictionary<string, TensorBuffer> { ["input_features"] = TensorBuffer.Create<float>(features, 1, 80, 3000) })["last_hidden_state"];
        Assert.That(Largest(heard.Span<float>(), expectedHeard.Span<float>()), Is.LessThan(1e-4));

        // ONNX Runtime reads all tokens anew each time; here there are caches.
        List<int> tokens = [folder.Tokens.Start, folder.Tokens.Languages["de"], folder.Tokens.Transcribe!.Value];
        WhisperPrompt prompt = decoder.Read(heard, tokens, CancellationToken.None);
        using WhisperText text = decoder.Begin(heard, prompt);
        float[] scores = prompt.Scores(2).ToArray();
        for (int i = 0; i < 40; i++)
        {
            TensorBuffer ids = TensorBuffer.Create<long>([.. tokens.Select(token => (long)token)], 1, tokens.Count);
            Dictionary<string, TensorBuffer> outputs = Oracle.Run(Path.Combine(Folder, "decoder_model.onnx"), new Dictionary<string, TensorBuffer> { ["input_ids"] = ids, ["encoder_hidden_states"] = expectedHeard });
            float[] expected = outputs["logits"].Span<float>()[^folder.VocabularySize..].ToArray();
            Assert.That(Largest(scores, expected), Is.LessThan(1e-3), $"token {i}");
            int next = Array.IndexOf(expected, expected.Max());
            Assert.That(Array.IndexOf(scores, scores.Max()), Is.EqualTo(next));
            tokens.Add(next);
            scores = text.Read(next, CancellationToken.None).ToArray();
        }
    }

    [Test]
    public void ATextThatIsNotGoodEnoughIsTriedAgain()
    {
        using SpeechToText model = SpeechToText.FromFolder(Folder, new SessionOptions { ThreadCount = 1 });
        TranscriptionOptions options = new() { Language = "en", NoSpeechThreshold = null, LeastLogProbability = -0.0001f, Seed = 5 };
        TranscriptSegment[] segments = [.. model.Transcribe(TestSound.Make(5), options)];
        Assert.That(segments, Is.Not.Empty);
        Assert.That(segments.Select(segment => segment.Temperature), Is.All.EqualTo(1));
        TranscriptSegment[] again = [.. model.Transcribe(TestSound.Make(5), options)];
        Assert.That(again.Select(segment => segment.Text), Is.EqualTo(segments.Select(segment => segment.Text)), "a seed decides");
        Assert.That(model.Transcribe(TestSound.Make(5), options with { LeastLogProbability = null, MostCompression = null }).Select(segment => segment.Temperature), Is.All.Zero);
    }

    [Test]
    public void ABudgetChangesNothing()
    {
        using SpeechToText free = SpeechToText.FromFolder(Folder, new SessionOptions { ThreadCount = 1 });
        using SpeechToText held = SpeechToText.FromFolder(Folder, new SessionOptions { ThreadCount = 1, MemoryBudget = 64 << 20 });
        (Sound sound, TranscriptionOptions options) = Case("short");
        Assert.That(held.Transcribe(sound, options).ReadToEnd(), Is.EqualTo(free.Transcribe(sound, options).ReadToEnd()));
        Assert.That(held.TensorBytes, Is.GreaterThan(1500 * 16 * 4));
    }

    [Test]
    public async Task SeveralThreadsMayListen()
    {
        using SpeechToText model = SpeechToText.FromFolder(Folder, new SessionOptions { ThreadCount = 1 });
        (Sound sound, TranscriptionOptions options) = Case("short");
        string expected = model.Transcribe(sound, options).ReadToEnd();
        string[] texts = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => model.Transcribe(sound, options).ReadToEnd())));
        Assert.That(texts, Is.All.EqualTo(expected));
    }

    [Test]
    public void WrongUseIsOneClearError()
    {
        using SpeechToText model = SpeechToText.FromFolder(Folder);
        Sound sound = TestSound.Make(1);
        Assert.That(model.Languages, Is.EqualTo(new[] { "en", "de", "fr" }));
        Assert.That(() => model.Transcribe(sound, new TranscriptionOptions { Language = "tlh" }), Throws.ArgumentException.With.Message.Contains("'tlh'").And.Message.Contains("en, de, fr"));
        Assert.That(() => new TranscriptionOptions { Temperatures = [] }, Throws.ArgumentException);
        Assert.That(model.Transcribe(new Sound([], 16_000)).ReadToEnd(), Is.Empty);
        Speech.Transcription once = model.Transcribe(new Sound(new float[100], 8_000));
        Assert.That(once.ReadToEnd, Throws.Nothing);
        Assert.That(once.ReadToEnd, Throws.InvalidOperationException);
        using CancellationTokenSource cancellation = new();
        cancellation.Cancel();
        Assert.That(() => model.Transcribe(sound, null, null, cancellation.Token).ReadToEnd(), Throws.InstanceOf<OperationCanceledException>());
        model.Dispose();
        Assert.That(() => model.Transcribe(sound).ReadToEnd(), Throws.TypeOf<ObjectDisposedException>());
    }

    [TestCase("config.json", "", "config.json")]
    [TestCase("config.json", "{\"model_type\": \"llama\"}", "expected 'whisper'")]
    [TestCase("config.json", "{\"model_type\": \"whisper\"}", "is missing")]
    [TestCase("encoder_model.onnx", "", "encoder_model.onnx is missing")]
    [TestCase("decoder_with_past_model.onnx", "", "decoder_with_past_model.onnx")]
    [TestCase("tokenizer.json", "", "no such file")]
    [TestCase("generation_config.json", "{\"suppress_tokens\": \"all\"}", "suppress_tokens")]
    public void AFolderThatIsNotWholeIsRefused(string file, string content, string message)
    {
        using TemporaryFolder folder = new();
        foreach (string source in Directory.GetFiles(Folder).Where(path => !path.EndsWith("merged.onnx", StringComparison.Ordinal)))
        {
            File.Copy(source, folder[Path.GetFileName(source)]);
        }

        File.Delete(folder[file]);
        if (content.Length > 0)
        {
            File.WriteAllText(folder[file], content);
        }

        Assert.That(() => SpeechToText.FromFolder(folder.Path), Throws.TypeOf<ModelFormatException>().With.Message.Contains(message));
        Assert.That(() => SpeechToText.FromFolder(folder["none"]), Throws.TypeOf<ModelFormatException>().With.Message.Contains("no such folder"));
    }

    private static (Sound Sound, TranscriptionOptions Options) Case(string name) => name switch
    {
        "plain" => (TestSound.Make(70), s_greedy),
        "translated" => (TestSound.Make(70), s_greedy with { Language = "de", Translates = true }),
        "without times" => (TestSound.Make(70), s_greedy with { Language = "en", HasTimestamps = false }),
        "prompted" => (TestSound.Make(31), s_greedy with { Language = "en", Prompt = "names" }),
        "parts" => (TestSound.Make(70), s_greedy with { Language = "en", UsesPreviousText = false, Parts = [new(TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(7)), new(TimeSpan.FromSeconds(20), TimeSpan.FromSeconds(55))] }),
        "short" => (TestSound.Make(1), s_greedy with { Language = "en" }),
        _ => (TestSound.Make(70), s_greedy with { Language = "en", NoSpeechThreshold = 0.001f }),
    };

    private static string Merged(TemporaryFolder folder)
    {
        foreach (string source in Directory.GetFiles(Folder).Where(path => !path.EndsWith("decoder_model.onnx", StringComparison.Ordinal) && !path.EndsWith("past_model.onnx", StringComparison.Ordinal)))
        {
            File.Copy(source, folder[Path.GetFileName(source)]);
        }

        return folder.Path;
    }

    private static float Largest(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        float largest = 0;
        for (int i = 0; i < right.Length; i++)
        {
            largest = Math.Max(largest, Math.Abs(left[i] - right[i]));
        }

        return largest;
    }

    private static JsonElement Read()
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestContext.CurrentContext.TestDirectory, "Models", "whisper.json")));
        return document.RootElement.Clone();
    }
}
