using System.Buffers.Binary;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
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

    [Test]
    public void A_plan_says_what_each_stage_does_and_draws_nothing()
    {
        using TemporaryFolder folder = new();
        string[] sd = ["sd", "a red circle", "--steps", "5", "--count", "3", "--output", folder["p.png"]];
        string text = Invocation.Of([.. sd, "--plan"]).AssertSucceeded().Output;
        using JsonDocument json = JsonDocument.Parse(Invocation.Of([.. sd, "--plan", "--json"]).AssertSucceeded().Output);
        JsonElement report = json.RootElement, unet = report.GetProperty("stages")[1];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(text, Does.Contain("text encoder").And.Contain("UNET").And.Contain("VAE decoder").And.Contain("6 of 6").And.Contain("3 pictures of 64x64, 5 steps").And.Contain("an estimate"));
            Assert.That(text, Does.Match(@"(?m)^smallest +--memory \d+MB\r?$"));
            Assert.That(folder["p.png"], Does.Not.Exist);
            Assert.That(
                report.EnumerateObject().Select(member => member.Name),
                Is.EqualTo(new[]
                {
                    "model", "width", "height", "pictures", "steps", "stages", "weights_bytes", "flops", "estimated_s", "flops_per_second", "bytes_per_second", "predicted_peak_bytes",
                    "predicted_peak_rss_bytes", "memory_budget_bytes", "smallest_budget_bytes",
                }));
            Assert.That(
                unet.EnumerateObject().Select(member => member.Name),
                Is.EqualTo(new[]
                {
                    "model", "file", "runs", "sets", "together", "passes", "tile_width", "tile_height", "peak_bytes", "smallest_budget_bytes", "weights_bytes", "flops", "estimated_s", "unknown",
                }));
            Assert.That((unet.GetProperty("runs").GetInt32(), unet.GetProperty("sets").GetInt32(), unet.GetProperty("passes").GetInt32()), Is.EqualTo((5, 6, 5)));
            Assert.That(report.GetProperty("estimated_s").GetDouble(), Is.InRange(0.001, 1000));
            Assert.That(report.GetProperty("bytes_per_second").GetDouble(), Is.GreaterThan(1e6));
            Assert.That(report.GetProperty("predicted_peak_rss_bytes").GetInt64(), Is.GreaterThan(report.GetProperty("predicted_peak_bytes").GetInt64()));
        }
    }

    [Test]
    public void A_plan_names_what_cannot_be_done() => Assert.Multiple(() =>
    {
        Invocation.Of("sd", "a red circle", "--plan", "--width", "128").AssertFailed(ExitCode.BadInput, "made for pictures of 64x64 alone");
        Invocation.Of("sd", "a red circle", "--plan", "--clip-skip", "2").AssertFailed(ExitCode.BadInput, "hidden_states.0");
        Invocation.Of("sd", "a red circle", "--plan", "--memory", "1MB").AssertFailed(ExitCode.BadInput, "--memory 1.0 MiB is too small", "UNET");
        Invocation refused = Invocation.Of("sd", "a red circle", "--plan", "--memory", "1MB", "--json");
        Assert.That(refused.ExitCode, Is.EqualTo(ExitCode.BadInput));
        Assert.That(refused.Output, Does.Contain("\"memory_budget_bytes\": 1048576"));
    });

    // In a process of its own, whose peak the operating system counts.
    [Test]
    public void The_whole_process_keeps_to_a_limit()
    {
        using TemporaryFolder folder = new();
        string[] sd = ["sd", "a red circle", "--steps", "3", "--seed", "5", "--count", "4", "--grid", "--json", "--output", folder["p.png"]];
        Invocation refused = ToolProcess.Run([.. sd, "--memory", "20MB"]);
        refused.AssertFailed(ExitCode.BadInput, "--memory 20.0 MiB is too small", "text encoder", "UNET", "VAE decoder");
        Assert.That(folder["p.png"], Does.Not.Exist);
        string smallest = Regex.Match(refused.Error, @"needs --memory (\d+MB) at least").Groups[1].Value;
        byte[]? picture = null;
        foreach (string limit in (string[])[smallest, "400MB"])
        {
            using JsonDocument json = JsonDocument.Parse(ToolProcess.Run([.. sd, "--memory", limit]).AssertSucceeded().Output);
            long peak = json.RootElement.GetProperty("peak_rss_bytes").GetInt64(), allowed = json.RootElement.GetProperty("memory_budget_bytes").GetInt64();
            TestContext.Out.WriteLine($"{peak:N0} of {allowed:N0} bytes");
            Assert.That(peak, Is.AtMost(allowed), limit);
            picture ??= File.ReadAllBytes(folder["p.png"]);
            Assert.That(File.ReadAllBytes(folder["p.png"]), Is.EqualTo(picture), "a limit changes no number");
        }
    }

    [Test]
    public void Latents_are_decoded_within_a_limit()
    {
        using TemporaryFolder folder = new();
        Invocation.Of("sd", "a red circle", "--steps", "1", "--save-latents", folder["l.npy"], "--output", folder["a.png"]).AssertSucceeded();
        string[] decode = ["sd", "--decode-latents", folder["l.npy"], "--output", folder["b.png"]];
        ToolProcess.Run([.. decode, "--memory", "20MB"]).AssertFailed(ExitCode.BadInput, "--memory 20.0 MiB is too small", "VAE decoder");
        ToolProcess.Run([.. decode, "--memory", "400MB"]).AssertSucceeded();
        Assert.That(Invocation.Of([.. decode, "--plan"]).AssertSucceeded().Output, Does.Contain("VAE decoder").And.Not.Contain("UNET"));
    }

    [TestCase("--vae-tiling", "perhaps", "auto")]
    [TestCase("--vae-tile-size", "102", "multiple of 4")]
    [TestCase("--vae-tile-size", "8", "at least 16")]
    [TestCase("--vae-tile-overlap", "300", "half a tile")]
    [TestCase("--vae-activation-type", "int4", "int8")]
    [TestCase("--memory", "little", "expected a size")]
    public void Bad_tiles_and_limits_are_bad_usage(string option, string value, string expected) =>
        Invocation.Of("sd", "a red circle", option, value).AssertFailed(ExitCode.BadInput, expected);

    // A small random model that leaves sizes open: the demo model has but one.
    [Test]
    public void Hires_fix_is_drawn_and_drawn_again_from_the_file()
    {
        using TemporaryFolder folder = new();
        string model = OpenModel(folder);
        Invocation.Of(
            "sd", "a red circle", "--model", model, "--width", "24", "--height", "16", "--steps", "3", "--seed", "5", "--hires-scale", "1.5", "--hires-steps", "2", "--hires-strength", "0.6",
            "--output", folder["a.png"]).AssertSucceeded();
        Invocation.Of("sd", "--from", folder["a.png"], "--model", model, "--output", folder["b.png"]).AssertSucceeded();
        string plan = Invocation.Of("sd", "--from", folder["a.png"], "--model", model, "--plan").AssertSucceeded().Output;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Size(folder["a.png"]), Is.EqualTo((36, 24)));
            Assert.That(Encoding.Latin1.GetString(File.ReadAllBytes(folder["a.png"])), Does.Contain("Size: 24x16,").And.Contain("Denoising strength: 0.6, Hires upscale: 1.5, Hires steps: 2, Hires upscaler: Latent"));
            Assert.That(File.ReadAllBytes(folder["b.png"]), Is.EqualTo(File.ReadAllBytes(folder["a.png"])));
            Assert.That(plan, Does.Contain("1 picture of 36x24, 5 steps"));
        }
    }

    [TestCase(new[] { "--hires-steps", "3" }, "--hires-scale 2")]
    [TestCase(new[] { "--hires-scale", "1" }, "more than 1")]
    [TestCase(new[] { "--hires-scale", "2" }, "64x64 alone; 128x128")]
    [TestCase(new[] { "--hires-scale", "2", "--hires-strength", "2" }, "from 0 to 1")]
    [TestCase(new[] { "--hires-scale", "2", "--hires-upscaler", "nowhere.onnx" }, "nowhere.onnx")]
    public void Bad_hires_fix_is_bad_usage(string[] arguments, string expected) =>
        Invocation.Of(["sd", "a red circle", "--steps", "1", .. arguments]).AssertFailed(ExitCode.BadInput, expected);

    private static string OpenModel(TemporaryFolder folder)
    {
        string models = Path.Combine(Repository.Root, "tests", "OnnxStream.Interop.Diffusion.Tests", "Reference", "pipelines"), target = folder["open"];
        foreach (string role in (string[])["text_encoder", "unet", "vae_decoder", "vae_encoder"])
        {
            _ = Directory.CreateDirectory(Path.Combine(target, role));
            File.Copy(Path.Combine(models, role, "model.onnx"), Path.Combine(target, role, "model.onnx"));
        }

        _ = Directory.CreateDirectory(Path.Combine(target, "tokenizer"));
        foreach (string file in (string[])["vocab.json", "merges.txt"])
        {
            File.Copy(Path.Combine(Model, "tokenizer", file), Path.Combine(target, "tokenizer", file));
        }

        File.WriteAllText(Path.Combine(target, "tokenizer", "tokenizer_config.json"), """{ "model_max_length": 16 }""");
        File.WriteAllText(Path.Combine(target, "vae_decoder", "config.json"), """{ "scaling_factor": 0.18215, "block_out_channels": [8, 8] }""");
        return target;
    }

    // PNG: eight bytes of signature, then a chunk (length, "IHDR") that begins with width and height.
    private static (int Width, int Height) Size(string file)
    {
        byte[] png = File.ReadAllBytes(file);
        return (BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)), BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(20)));
    }
}
