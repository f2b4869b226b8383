using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using OnnxStream.Interop.Cli.Tests.Build;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class StableDiffusionCommandTests
{
    private static readonly string Model = Path.Combine(Repository.Root, "src", "OnnxStream.Interop.Diffusion", "Models", "tiny-shapes");

    [Test]
    public void Makes_a_picture_and_says_what_it_cost()
    {
        using TemporaryFolder folder = new();
        string file = folder["circle.png"];
        Invocation sd = Invocation.Of("sd", "a red circle", "--model", Model, "--steps", "2", "--seed", "5", "--enlarge", "3", "--output", file).AssertSucceeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Size(file), Is.EqualTo((192, 192)));
            Assert.That(Encoding.Latin1.GetString(File.ReadAllBytes(file)), Does.Contain("a red circle\n").And.Contain("Seed: 5,"));
            Assert.That(sd.Output, Does.StartWith($"picture  {file}").And.Contain("64x64, seed 5, 2 steps").And.Contain("time ").And.Contain("memory ").And.Contain("streamed in"));
        }
    }

    [Test]
    public void Several_pictures_have_their_seeds_in_their_names()
    {
        using TemporaryFolder folder = new();
        string output = Path.Combine(folder["new"], "p.png");
        Invocation sd = Invocation.Of("sd", "a red circle", "--model", Model, "--steps", "1", "--seed", "41", "--count", "2", "--output", output, "--json").AssertSucceeded();
        using JsonDocument json = JsonDocument.Parse(sd.Output);
        JsonElement report = json.RootElement;
        string[] files = [.. report.GetProperty("images").EnumerateArray().Select(image => image.GetProperty("file").GetString()!)];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(files.Select(Path.GetFileName), Is.EqualTo(new[] { "p-41.png", "p-42.png" }));
            Assert.That(files, Is.All.Matches<string>(File.Exists));
            Assert.That(files.Select(Size), Is.All.EqualTo((64, 64)));
            Assert.That(report.GetProperty("images")[1].GetProperty("seed").GetInt64(), Is.EqualTo(42));
            Assert.That(report.GetProperty("prompt").GetString(), Is.EqualTo("a red circle"));
            Assert.That(report.GetProperty("steps").GetInt32(), Is.EqualTo(1));
            Assert.That(
                report.GetProperty("stages").EnumerateArray().Select(stage => stage.GetProperty("name").GetString()),
                Is.EqualTo(new[] { "text encoding", "denoising", "decoding" }));
            foreach (string member in (string[])["total_s", "peak_rss_bytes", "peak_native_bytes", "weights_bytes_streamed"])
            {
                Assert.That(report.GetProperty(member).GetDouble(), Is.GreaterThan(0), member);
            }
        }
    }

    // The picture changes by what half precision rounds, which is little.
    [Test]
    public void Activations_in_half_precision_give_nearly_the_same_picture()
    {
        using TemporaryFolder folder = new();
        string[] sd = ["sd", "a red circle", "--model", Model, "--steps", "2", "--seed", "5", "--output"];
        Invocation.Of([.. sd, folder["single.png"]]).AssertSucceeded();
        Invocation.Of([.. sd, folder["half.png"], "--activation-type", "f16"]).AssertSucceeded();
        byte[] single = File.ReadAllBytes(folder["single.png"]);
        byte[] half = File.ReadAllBytes(folder["half.png"]);
        Assert.That(Size(folder["half.png"]), Is.EqualTo(Size(folder["single.png"])));
        Assert.That(half.AsSpan().SequenceEqual(single), Is.False, "something was rounded");
        Assert.That(Invocation.Of([.. sd, folder["x.png"], "--panel-store", "somewhere"]).ExitCode, Is.EqualTo(2));
    }

    [Test]
    public void A_grid_is_one_file()
    {
        using TemporaryFolder folder = new();
        Invocation.Of("sd", "a red circle", "--model", Model, "--steps", "1", "--count", "3", "--grid", "--output", folder["grid.png"], "--quiet").AssertSucceeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Size(folder["grid.png"]), Is.EqualTo((128, 128)));
            Assert.That(Directory.GetFiles(folder.Path), Has.Length.EqualTo(1));
        }
    }

    [TestCase("euler", "euler_ancestral")]
    [TestCase("euler_a", "euler")]
    public void The_sampler_matters(string sampler, string other)
    {
        using TemporaryFolder folder = new();
        foreach (string name in (string[])[sampler, other])
        {
            Invocation.Of("sd", "a red circle", "--model", Model, "--steps", "2", "--seed", "1", "--sampler", name, "--output", folder[$"{name}.png"]).AssertSucceeded();
        }

        Assert.That(File.ReadAllBytes(folder[$"{sampler}.png"]), Is.Not.EqualTo(File.ReadAllBytes(folder[$"{other}.png"])));
    }

    [Test]
    public void Sampler_schedule_and_eta_are_reported()
    {
        using TemporaryFolder folder = new();
        string[] sd = ["sd", "a red circle", "--model", Model, "--steps", "2", "--seed", "1", "--output", folder["p.png"], "--json"];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Invocation.Of([.. sd, "--sampler", "dpmpp_2m karras"]).AssertSucceeded().Output, Does.Contain("\"DPM\\u002B\\u002B 2M\"").Or.Contain("\"DPM++ 2M\"").And.Contain("\"Karras\""));
            Assert.That(Encoding.Latin1.GetString(File.ReadAllBytes(folder["p.png"])), Does.Contain("Sampler: DPM++ 2M, Schedule type: Karras,"));
            Assert.That(Invocation.Of([.. sd, "--schedule", "sgm_uniform", "--eta", "0"]).AssertSucceeded().Output, Does.Contain("\"Euler a\"").And.Contain("\"SGM Uniform\""));
        }
    }

    [TestCase("--sampler", "dpm++ 2n karas", "DPM++ 2M Karras")]
    [TestCase("--schedule", "kara", "Karras")]
    [TestCase("--eta", "-1", "at least 0")]
    public void The_nearest_name_is_offered(string option, string value, string expected) =>
        Invocation.Of("sd", "a red circle", "--model", Model, option, value).AssertFailed(ExitCode.BadInput, expected);

    [TestCase("--steps", "0")]
    [TestCase("--steps", "many")]
    [TestCase("--guidance", "NaN")]
    [TestCase("--count", "0")]
    [TestCase("--enlarge", "0")]
    [TestCase("--sampler", "magic")]
    [TestCase("--output", "picture.jpg")]
    public void Bad_options_are_bad_usage(string option, string value) =>
        Invocation.Of("sd", "a red circle", "--model", Model, option, value).AssertFailed(ExitCode.BadInput, option);

    [Test]
    public void More_steps_than_the_training_had_are_refused() =>
        Invocation.Of("sd", "a red circle", "--model", Model, "--steps", "1001").AssertFailed(ExitCode.BadInput, "at most 1000");

    [Test]
    public void A_model_is_required() =>
        Invocation.Of("sd", "a red circle").AssertFailed(ExitCode.BadInput, "--model");

    [Test]
    public void A_folder_without_a_model_is_bad_input()
    {
        using TemporaryFolder folder = new();
        using (Assert.EnterMultipleScope())
        {
            Invocation.Of("sd", "a red circle", "--model", folder.Path).AssertFailed(ExitCode.BadInput, folder.Path);
            Invocation.Of("sd", "a red circle", "--model", folder["nowhere"]).AssertFailed(ExitCode.BadInput, "nowhere: no such file or folder");
        }
    }

    [Test]
    public void Cancellation_leaves_no_file()
    {
        using TemporaryFolder folder = new();
        using (Assert.EnterMultipleScope())
        {
            Invocation.Of(new CancellationToken(canceled: true), "sd", "a red circle", "--model", Model, "--output", folder["p.png"]).AssertFailed(ExitCode.Cancelled, "cancelled");
            Assert.That(Directory.GetFiles(folder.Path), Is.Empty);
        }
    }

    // PNG: eight bytes of signature, then a chunk (length, "IHDR") that begins with width and height.
    private static (int Width, int Height) Size(string file)
    {
        byte[] png = File.ReadAllBytes(file);
        return (BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)));
    }
}
