using System.Text.Json;
using System.Text.RegularExpressions;
using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class RunCommandTests
{
    [Test]
    public void Computes_outputs_from_files_and_writes_them()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        NpyFile.Save(folder["x.npy"], TensorBuffer.Create<float>([1, 2, 3, -1, 0, 0], 2, 3));
        Invocation run = Invocation.Of("run", model, "--input", $"x={folder["x.npy"]}", "--output-dir", folder["out"]).AssertSucceeded();
        TensorBuffer scores = NpyFile.Load(Path.Combine(folder["out"], "scores_0.npy"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(scores.Shape, Is.EqualTo(new Shape(2, 2)));
            Assert.That(scores.Span<float>().ToArray(), Is.EqualTo(new float[] { 14, 0, 0, 1 }));
            Assert.That(run.Output, Does.Contain("scores/0").And.Contain("[2,2]").And.Contain("scores_0.npy").And.Contain("peak of the process"));
        }
    }

    [Test]
    public void Inputs_may_be_ONNX_tensors()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        TinyModel.WriteTensor(folder["x.pb"], -1, -2, -3);
        Invocation.Of("run", model, "--input", $"x={folder["x.pb"]}", "--output-dir", folder.Path).AssertSucceeded();
        Assert.That(NpyFile.Load(folder["scores_0.npy"]).Span<float>().ToArray(), Is.EqualTo(new float[] { 0, 14 }));
    }

    [Test]
    public void Inputs_with_default_values_may_be_given()
    {
        using TemporaryFolder folder = new();
        string model = new ProtoModel().Input("x", ElementType.Float32, 2).Input("step", ElementType.Float32, 2).Initializer("step", ElementType.Float32, [2], 1f, 2f)
            .Node("Add", "x step", "y").Output("y").Write(folder);
        NpyFile.Save(folder["x.npy"], TensorBuffer.Create<float>([10, 20], 2));
        NpyFile.Save(folder["step.npy"], TensorBuffer.Create<float>([3, 4], 2));
        Assert.That(Run(), Is.EqualTo(new float[] { 11, 22 }));
        Assert.That(Run("--input", $"step={folder["step.npy"]}"), Is.EqualTo(new float[] { 13, 24 }));
        Invocation.Of("run", model).AssertSucceeded();

        float[] Run(params string[] more)
        {
            Invocation.Of(["run", model, "--input", $"x={folder["x.npy"]}", "-o", folder.Path, .. more]).AssertSucceeded();
            return NpyFile.Load(folder["y.npy"]).Span<float>().ToArray();
        }
    }

    [Test]
    public void Json_is_one_object_with_the_promised_members()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        Invocation run = Invocation.Of("run", model, "--dim", "batch=5", "--repeat", "3", "--output-dir", folder["out"], "--json").AssertSucceeded();
        using JsonDocument json = JsonDocument.Parse(run.Output);
        JsonElement report = json.RootElement;
        JsonElement output = report.GetProperty("outputs")[0];
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                report.EnumerateObject().Select(member => member.Name),
                Is.EqualTo(new[] { "load_s", "runs_s", "peak_rss_bytes", "peak_native_bytes", "weights_bytes_streamed", "memory_budget_bytes", "predicted_peak_bytes", "smallest_budget_bytes", "outputs" }));
            Assert.That(report.GetProperty("load_s").GetDouble(), Is.GreaterThan(0));
            Assert.That(report.GetProperty("runs_s").GetArrayLength(), Is.EqualTo(3));
            Assert.That(report.GetProperty("runs_s").EnumerateArray().Select(seconds => seconds.GetDouble()), Is.All.GreaterThan(0));
            Assert.That(report.GetProperty("peak_rss_bytes").GetInt64(), Is.GreaterThan(5 << 20));
            Assert.That(report.GetProperty("peak_native_bytes").GetInt64(), Is.GreaterThan(0));
            Assert.That(report.GetProperty("weights_bytes_streamed").GetInt64(), Is.GreaterThanOrEqualTo(0));
            Assert.That(report.GetProperty("memory_budget_bytes").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(report.GetProperty("predicted_peak_bytes").GetInt64(), Is.EqualTo(report.GetProperty("peak_native_bytes").GetInt64()).Within(4 << 20));
            Assert.That(report.GetProperty("smallest_budget_bytes").GetInt64(), Is.GreaterThan(5 << 20));
            Assert.That(output.GetProperty("name").GetString(), Is.EqualTo("scores/0"));
            Assert.That(output.GetProperty("type").GetString(), Is.EqualTo("float"));
            Assert.That(output.GetProperty("shape").EnumerateArray().Select(dimension => dimension.GetInt64()), Is.EqualTo(new long[] { 5, 2 }));
            Assert.That(File.Exists(output.GetProperty("file").GetString()), Is.True);
        }
    }

    [Test]
    public void Without_a_folder_no_file_is_written()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        Invocation run = Invocation.Of("run", model, "--json").AssertSucceeded();
        using JsonDocument json = JsonDocument.Parse(run.Output);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(json.RootElement.GetProperty("outputs")[0].GetProperty("file").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(Directory.GetFileSystemEntries(folder.Path), Has.Length.EqualTo(1));
        }
    }

    [Test]
    public void The_same_seed_gives_the_same_outputs()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        foreach ((string seed, string name) in (ReadOnlySpan<(string, string)>)[("7", "a"), ("7", "b"), ("8", "c")])
        {
            Invocation.Of("run", model, "--seed", seed, "--dim", "batch=20", "--output-dir", folder[name]).AssertSucceeded();
        }

        byte[] a = File.ReadAllBytes(Path.Combine(folder["a"], "scores_0.npy"));
        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.ReadAllBytes(Path.Combine(folder["b"], "scores_0.npy")), Is.EqualTo(a));
            Assert.That(File.ReadAllBytes(Path.Combine(folder["c"], "scores_0.npy")), Is.Not.EqualTo(a));
        }
    }

    [TestCase("nocache")]
    [TestCase("prefetch")]
    [TestCase("ram")]
    public void Every_source_of_weights_gives_the_same(string weights)
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        NpyFile.Save(folder["x.npy"], TensorBuffer.Create<float>([1, 1, 1], 1, 3));
        Invocation.Of("run", model, "-i", $"x={folder["x.npy"]}", "-o", folder.Path, "--weights", weights, "--threads", "2").AssertSucceeded();
        Assert.That(NpyFile.Load(folder["scores_0.npy"]).Span<float>().ToArray(), Is.EqualTo(new float[] { 6, 0 }));
    }

    [Test]
    public void Packed_weights_are_kept_where_asked_for()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder, columns: 400);
        string store = folder["weights.panels"];

        Assert.That(Invocation.Of("run", model, "--panel-store", store).AssertSucceeded().Error, Does.Contain("Writing the panel store"));
        Assert.That(File.Exists(store), Is.True);
        Assert.That(Invocation.Of("run", model, "--panel-store", store).AssertSucceeded().Error, Does.Not.Contain("Writing the panel store"));
        Assert.That(Invocation.Of("run", model, "--panel-type", "f8").ExitCode, Is.EqualTo(2));
    }

    [Test]
    public void Only_three_types_of_activations_exist()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        Invocation.Of("run", model, "--activation-type", "f16").AssertSucceeded();
        Invocation.Of("run", model, "--activation-type", "int8").AssertSucceeded();
        Invocation.Of("run", model, "--activation-type", "f8").AssertFailed(ExitCode.BadInput, "f8");
    }

    [TestCase("batch")]
    [TestCase("file")]
    public void A_limit_that_is_too_small_names_one_that_is_not(string inputs)
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder, columns: 400);
        NpyFile.Save(folder["x.npy"], TensorBuffer.Create<float>([1, 1, 1], 1, 3));
        string[] run = inputs == "file" ? ["run", model, "--input", $"x={folder["x.npy"]}"] : ["run", model, "--dim", "batch=7"];
        // In this process the commands share what .NET compiles: what the first one grew by is not to count for the second.
        Invocation.Of([.. run, "--memory", "1GB", "--json", "--repeat", "2"]).AssertSucceeded();
        Invocation refused = Invocation.Of([.. run, "--memory", "1MB"]);
        refused.AssertFailed(ExitCode.BadInput, "--memory 1.0 MiB is too small", "MB at least");
        string smallest = Regex.Match(refused.Error, @"needs --memory (\d+MB) at least").Groups[1].Value;
        Invocation met = Invocation.Of([.. run, "--memory", smallest, "--json", "--repeat", "2"]).AssertSucceeded();
        using JsonDocument json = JsonDocument.Parse(met.Output);
        Assert.That(Quantity.TryParseBytes(smallest, out long bytes), Is.True);
        Assert.That(json.RootElement.GetProperty("memory_budget_bytes").GetInt64(), Is.EqualTo(bytes));
        Assert.That(Invocation.Of([.. run, "--memory", "900GB"]).AssertSucceeded().Output, Does.Match(@"(?m)^limit +900\.0 GiB"));
    }

    [Test]
    public void Weights_that_are_kept_count()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder, columns: 1_000_000);
        long[] smallest = [.. ((string[])["ram", "prefetch"]).Select(weights =>
        {
            using JsonDocument json = JsonDocument.Parse(Invocation.Of("run", model, "--weights", weights, "--json").AssertSucceeded().Output);
            return json.RootElement.GetProperty("predicted_peak_bytes").GetInt64();
        })];
        Assert.That(smallest[0] - smallest[1], Is.GreaterThan(2_000_000));
    }

    [Test]
    public void Progress_goes_to_standard_error_and_quiet_stops_it()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Invocation.Of("run", model, "--repeat", "2").AssertSucceeded().Error, Does.Match(@"^run 1/2: \d.*\r?\nrun 2/2: \d"));
            Assert.That(Invocation.Of("run", model, "--repeat", "2", "--quiet").AssertSucceeded().Error, Is.Empty);
        }
    }

    [Test]
    public void Cancellation_has_its_own_exit_code()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        Invocation.Of(new CancellationToken(canceled: true), "run", model).AssertFailed(ExitCode.Cancelled, "cancelled");
    }

    [Test]
    public void Wrong_inputs_are_explained_before_anything_runs()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        NpyFile.Save(folder["x.npy"], TensorBuffer.Create<float>([1, 1, 1, 1], 1, 4));
        NpyFile.Save(folder["i.npy"], TensorBuffer.Create<long>([1, 1, 1], 1, 3));
        File.WriteAllText(folder["broken.npy"], "no");
        File.WriteAllText(folder["broken.pb"], "no");
        File.WriteAllText(folder["x.txt"], "1 2 3");
        string x = folder["x.npy"];
        using (Assert.EnterMultipleScope())
        {
            Invocation.Of("run", model, "--input", $"y={x}").AssertFailed(ExitCode.BadInput, "no input of that name", "x: float[batch,3]");
            Invocation.Of("run", model, "--input", $"x={x}").AssertFailed(ExitCode.BadInput, "x", "4");
            Invocation.Of("run", model, "--input", $"x={folder["i.npy"]}").AssertFailed(ExitCode.BadInput, "int64");
            Invocation.Of("run", model, "--input", $"x={x}", $"x={x}").AssertFailed(ExitCode.BadInput, "given twice");
            Invocation.Of("run", model, "--input", $"x={folder["broken.npy"]}").AssertFailed(ExitCode.BadInput, "broken.npy", "begins with");
            Invocation.Of("run", model, "--input", $"x={folder["broken.pb"]}").AssertFailed(ExitCode.BadInput, "broken.pb");
            Invocation.Of("run", model, "--input", $"x={folder["nowhere.npy"]}").AssertFailed(ExitCode.BadInput, "nowhere.npy: no such file");
            Invocation.Of("run", model, "--input", $"x={folder["x.txt"]}").AssertFailed(ExitCode.BadInput, ".npy (NumPy) or .pb");
            Invocation.Of("run", model, "--input", $"x={x}", "--dim", "batch=2").AssertFailed(ExitCode.BadInput, "'batch'", "would be 1", "by --dim batch=2 it is 2");
            Invocation.Of("run", model, "--dim", "batch=2", "batch=3").AssertFailed(ExitCode.BadInput, "--dim batch was given twice: 2 and 3");
            Invocation.Of("run", model, "--dim", "batch=-2").AssertFailed(ExitCode.BadInput, "batch=-2");
            Invocation.Of("run", model, "--dim", "height=2").AssertFailed(ExitCode.BadInput, "height", "batch");
        }
    }

    [Test]
    public void Bad_models_are_explained()
    {
        using TemporaryFolder folder = new();
        byte[] whole = File.ReadAllBytes(TinyModel.Write(folder));
        File.WriteAllBytes(folder["cut.onnx"], whole[..(whole.Length / 2)]);
        File.WriteAllText(folder["text.onnx"], "this is no model");
        string unsupported = TinyModel.Write(folder, "odd.onnx", "Frobnicate");
        using (Assert.EnterMultipleScope())
        {
            Invocation.Of("run", folder["cut.onnx"]).AssertFailed(ExitCode.BadInput, "cut.onnx");
            Invocation.Of("run", folder["text.onnx"]).AssertFailed(ExitCode.BadInput, "text.onnx");
            Invocation.Of("run", unsupported).AssertFailed(ExitCode.BadInput, "Frobnicate");
            Invocation.Of("run", folder.Path).AssertFailed(ExitCode.BadInput, "model.txt");
        }
    }

    [TestCase("run")]
    [TestCase("inspect")]
    [TestCase("plan")]
    [TestCase("pack")]
    [TestCase("convert")]
    [TestCase("calibrate")]
    [TestCase("quantize")]
    public void What_is_no_model_is_one_line_from_every_command(string command)
    {
        using TemporaryFolder folder = new();
        File.WriteAllBytes(folder["empty.onnx"], []);
        File.WriteAllText(folder["pointer.onnx"], "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 3\n");
        File.WriteAllText(folder["page.onnx"], "<!DOCTYPE html>\n<html>");
        Directory.CreateDirectory(folder["folder.onnx"]);
        string unsupported = TinyModel.Write(folder, "odd.onnx", "Frobnicate");
        byte[] whole = File.ReadAllBytes(TinyModel.Write(folder, columns: 5000));
        File.WriteAllBytes(folder["cut.onnx"], whole[..^1000]);
        using (Assert.EnterMultipleScope())
        {
            Fails("empty.onnx", "empty.onnx", "the file is empty");
            Fails("pointer.onnx", "pointer.onnx", "git lfs pull");
            Fails("page.onnx", "page.onnx", "It is a web page");
            Fails("folder.onnx", "folder.onnx", "neither model.txt nor model.onnx");
            Fails("cut.onnx", "cut.onnx", "truncated");
            Fails("/dev/null", "/dev/null");
            if (command is not ("inspect" or "convert" or "quantize"))
            {
                Fails(unsupported, unsupported, "Frobnicate (operator set 17)", "'/Frobnicate'");
            }
        }

        void Fails(string name, params string[] parts)
        {
            string path = Path.Combine(folder.Path, name);
            Invocation.Of([command, path, .. command is "convert" or "quantize" ? (string[])[folder["out"]] : [], "--quiet"]).AssertFailed(ExitCode.BadInput, parts);
        }
    }

    [Test]
    public void Sizes_that_are_impossible_are_refused()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        using (Assert.EnterMultipleScope())
        {
            Invocation.Of("run", model, "--dim", "batch=1000000000000").AssertFailed(ExitCode.BadInput, "'x'", "float[1000000000000,3]", "--dim");
            Invocation.Of("run", model, "--dim", "batch=9000000000000000000").AssertFailed(ExitCode.BadInput, "'x'", "2^63");
            Invocation.Of("plan", model, "--dim", "batch=9000000000000000000").AssertFailed(ExitCode.BadInput, "'x'", "2^63");

            // Planning is for other machines, too.
            Assert.That(Invocation.Of("plan", model, "--dim", "batch=1000000000000").AssertSucceeded().Output, Does.Contain("18.2 TiB"));
        }
    }

    [Test]
    [Platform("Linux")]
    public void A_full_disk_is_one_line()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        Invocation.Of("run", model, "--trace", "/dev/full", "--quiet").AssertFailed(ExitCode.Failure, "/dev/full", "No space left");
    }

    [Test]
    public void An_output_folder_that_cannot_be_made_fails_before_the_run()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        Invocation.Of("run", model, "--output-dir", Path.Combine(model, "out")).AssertFailed(ExitCode.BadInput, "out");
    }
}
