using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using OnnxStream.Interop.Cli.Tensors;
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

    [TestCase("--width", "7")]
    [TestCase("--guidance-rescale", "1.5")]
    [TestCase("--guidance-start", "-1")]
    [TestCase("--strength", "much")]
    [TestCase("--rng", "dice")]
    [TestCase("--clip-skip", "0")]
    [TestCase("--preview-every", "0")]
    [TestCase("--save-latents", "latents.bin")]
    [TestCase("--mask", "mask.png")]
    [TestCase("--image", "nowhere.png")]
    public void Bad_control_is_bad_usage(string option, string value) =>
        Invocation.Of("sd", "a red circle", "--model", Model, "--steps", "1", option, value).AssertFailed(ExitCode.BadInput, option is "--image" or "--rng" ? value : option);

    [Test]
    public void A_picture_is_drawn_again_from_what_its_file_says()
    {
        using TemporaryFolder folder = new();
        Invocation.Of(
            "sd", "a [red:blue:2] circle, (large:1.2)", "--negative-prompt", "ring", "--model", Model, "--steps", "3", "--seed", "9", "--sampler", "DPM++ 2M SDE Karras", "--eta", "0.5",
            "--rng", "torch", "--guidance-rescale", "0.4", "--output", folder["a.png"]).AssertSucceeded();
        Invocation.Of("sd", "--from", folder["a.png"], "--model", Model, "--output", folder["b.png"]).AssertSucceeded();
        Invocation.Of("sd", "--from", folder["a.png"], "--model", Model, "--output", folder["c.png"], "--seed", "10").AssertSucceeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.ReadAllBytes(folder["b.png"]), Is.EqualTo(File.ReadAllBytes(folder["a.png"])));
            Assert.That(File.ReadAllBytes(folder["c.png"]), Is.Not.EqualTo(File.ReadAllBytes(folder["a.png"])));
            Assert.That(Encoding.Latin1.GetString(File.ReadAllBytes(folder["c.png"])), Does.Contain("Seed: 10,").And.Contain("RNG: CPU"));
        }
    }

    [Test]
    public void A_picture_that_does_not_say_how_it_was_made_cannot_be_drawn_again()
    {
        using TemporaryFolder folder = new();
        File.Copy(Path.Combine(Model, "samples.png"), folder["a.png"]);
        Invocation.Of("sd", "--from", folder["a.png"], "--model", Model, "--output", folder["b.png"]).AssertFailed(ExitCode.BadInput, "does not say how its picture was made");
    }

    [Test]
    public void Latents_are_saved_and_decoded_again()
    {
        using TemporaryFolder folder = new();
        Invocation.Of("sd", "a red circle", "--model", Model, "--steps", "2", "--seed", "1", "--count", "2", "--save-latents", folder["l.npy"], "--output", folder["a.png"]).AssertSucceeded();
        Invocation.Of("sd", "--model", Model, "--decode-latents", folder["l.npy"], "--output", folder["b.png"]).AssertSucceeded();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(PictureFile.LoadRgb(folder["b-2.png"], 64, 64).Pixels.ToArray(), Is.EqualTo(PictureFile.LoadRgb(folder["a-2.png"], 64, 64).Pixels.ToArray()));
            Assert.That(new FileInfo(folder["l.npy"]).Length, Is.EqualTo(128 + (2 * 4 * 16 * 16 * sizeof(float))));
        }
    }

    [Test]
    public void Previews_lie_beside_the_output()
    {
        using TemporaryFolder folder = new();
        Invocation.Of("sd", "a red circle", "--model", Model, "--steps", "2", "--preview-every", "1", "--output", folder["a.png"]).AssertSucceeded();
        Assert.That(Size(folder["a-preview.png"]), Is.EqualTo((64, 64)));
    }

    [Test]
    public void What_the_model_cannot_do_is_said() => Assert.Multiple(() =>
    {
        Invocation.Of("sd", "a red circle", "--model", Model, "--width", "128").AssertFailed(ExitCode.BadInput, "made for pictures of 64x64 alone");
        Invocation.Of("sd", "a red circle", "--model", Model, "--image", Path.Combine(Model, "samples.png")).AssertFailed(ExitCode.BadInput, "vae_encoder");
    });

    [Test]
    public void More_steps_than_the_training_had_are_refused() =>
        Invocation.Of("sd", "a red circle", "--model", Model, "--steps", "1001").AssertFailed(ExitCode.BadInput, "at most 1000");

    [Test]
    public void The_demo_model_draws_where_no_other_is_named()
    {
        using TemporaryFolder folder = new();
        string[] sd = ["sd", "a red circle", "--steps", "2", "--seed", "5", "--output"];
        Invocation.Of([.. sd, folder["a.png"]]).AssertSucceeded();
        Invocation.Of([.. sd, folder["b.png"], "--model", Model]).AssertSucceeded();
        Assert.That(File.ReadAllBytes(folder["a.png"]), Is.EqualTo(File.ReadAllBytes(folder["b.png"])));
    }

    [Test]
    public void Loras_words_and_checkpoints_that_do_not_belong_to_the_model()
    {
        string adapters = Path.Combine(Repository.Root, "tests", "OnnxStream.Interop.Diffusion.Tests", "Reference", "adapters");
        string Sd(string name) => Path.Combine(adapters, name + ".safetensors");
        using TemporaryFolder folder = new();
        void Fails(string[] arguments, params string[] parts) => Invocation.Of(["sd", "a red circle", "--model", Model, "--steps", "1", "--output", folder["p.png"], .. arguments]).AssertFailed(ExitCode.BadInput, parts);
        Fails(["--lora", Sd("kohya") + ":0.8"], "the LoRA is not for", "do not fit");
        Fails(["--lora", Sd("kohya") + ":much"], "much", "FILE:NUMBER");
        Fails(["--lora", Sd("missing")], "no such file");
        Fails(["--lora", Sd("word")], "emb_params");
        Fails(["--embedding", $"style={Sd("word")}"], "16 numbers", "96");
        Fails(["--embedding", Sd("kohya")], "no textual inversion");
        Fails(["--checkpoint", Sd("single")], "the checkpoint is not for");
        Fails(["--checkpoint", Sd("peft")], "no checkpoint");
        Fails(["--lora-folder", folder["none"]], "no such folder");
        Assert.That(folder["p.png"], Does.Not.Exist);
    }

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
