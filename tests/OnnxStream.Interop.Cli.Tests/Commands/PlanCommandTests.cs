using System.Buffers.Binary;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Cli.Tests.Commands;

internal sealed class PlanCommandTests
{
    [Test]
    public void Shows_steps_and_memory()
    {
        using TemporaryFolder folder = new();
        string text = Invocation.Of("plan", TinyModel.Write(folder, columns: 400), "--dim", "batch=5").AssertSucceeded().Output;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(text, Does.Match(@"(?m)^ +step +node +kernel +shapes +operations +panels +weights +live\r?$"));
            Assert.That(text, Does.Contain("[5,3]").And.Contain("[5,400]"));
            Assert.That(text, Does.Match(@"(?m)^steps +\d"));
            Assert.That(text, Does.Match(@"(?m)^operations +\d.*FLOP\r?$"));
            Assert.That(text, Does.Match(@"(?m)^memory +\d.* predicted peak of the process, \d.* of it native\r?$"));
            Assert.That(text, Does.Match(@"(?m)^smallest +--memory \d+MB\r?$"));
            Assert.That(Directory.GetFileSystemEntries(folder.Path), Has.Length.EqualTo(1), "nothing is written");
        }
    }

    [Test]
    public void Only_so_many_steps_are_listed()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder, opType: "Softmax", columns: 400);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(Invocation.Of("plan", model, "--top", "1").AssertSucceeded().Output, Does.Contain("/MatMul").And.Contain("(--all lists all)"));
            Assert.That(Invocation.Of("plan", model, "--top", "0").AssertSucceeded().Output, Does.Not.Contain("/MatMul"));
            Assert.That(Invocation.Of("plan", model, "--top", "0", "--all").AssertSucceeded().Output, Does.Contain("/MatMul").And.Contain("/Softmax").And.Not.Contain("--all"));
        }
    }

    [Test]
    public void Time_is_estimated_where_it_is_asked_for()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder, columns: 400);
        Assert.That(Invocation.Of("plan", model).AssertSucceeded().Output, Does.Not.Contain("\ntime"));
        Assert.That(Invocation.Of("plan", model, "--time").AssertSucceeded().Output, Does.Match(@"(?m)^time +about \d+\.\d\d s: computing takes .*/s, reading .*/s; (computing|reading) decides"));
        using JsonDocument json = JsonDocument.Parse(Invocation.Of("plan", model, "--time", "--json").AssertSucceeded().Output);
        JsonElement time = json.RootElement.GetProperty("time");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(time.EnumerateObject().Select(member => member.Name), Is.EqualTo(new[] { "estimated_s", "computing_s", "reading_s", "flops_per_second", "bytes_per_second" }));
            Assert.That(time.GetProperty("computing_s").GetDouble() * time.GetProperty("flops_per_second").GetDouble(), Is.EqualTo(2 * 3 * 400).Within(1e-6));
            Assert.That(time.GetProperty("reading_s").GetDouble() * time.GetProperty("bytes_per_second").GetDouble(), Is.EqualTo(3 * 400 * sizeof(float)).Within(1e-6));
            Assert.That(time.GetProperty("estimated_s").GetDouble(), Is.EqualTo(Math.Max(time.GetProperty("computing_s").GetDouble(), time.GetProperty("reading_s").GetDouble())));
        }
    }

    [Test]
    public void Json_has_the_promised_members()
    {
        using TemporaryFolder folder = new();
        using JsonDocument json = JsonDocument.Parse(Invocation.Of("plan", TinyModel.Write(folder, columns: 400), "--json").AssertSucceeded().Output);
        JsonElement report = json.RootElement;
        using (Assert.EnterMultipleScope())
        {
            Assert.That(
                report.EnumerateObject().Select(member => member.Name),
                Is.EqualTo(new[]
                {
                    "steps", "parts", "flops", "weights_bytes", "arena_bytes", "constant_bytes", "operator_bytes", "weight_buffer_bytes", "window_bytes", "tensor_bytes", "kept_panel_bytes", "predicted_peak_bytes",
                    "predicted_peak_rss_bytes", "memory_budget_bytes", "smallest_budget_bytes", "panel_store",
                    "layers", "target_error", "measured_error", "time",
                }));
            Assert.That(Number(report, "predicted_peak_bytes"), Is.EqualTo(Number(report, "arena_bytes") + Number(report, "constant_bytes") + Number(report, "operator_bytes") + Number(report, "weight_buffer_bytes") + Number(report, "window_bytes") + Number(report, "kept_panel_bytes")));
            Assert.That(Number(report, "predicted_peak_rss_bytes"), Is.GreaterThan(Number(report, "predicted_peak_bytes")));
            Assert.That(Number(report, "smallest_budget_bytes") % (1 << 20), Is.Zero);
            Assert.That(Number(report, "weights_bytes"), Is.EqualTo(3 * 400 * sizeof(float)));
            Assert.That(Number(report, "flops"), Is.EqualTo(2 * 3 * 400));
            Assert.That(report.GetProperty("memory_budget_bytes").ValueKind, Is.EqualTo(JsonValueKind.Null));
            Assert.That(
                report.GetProperty("steps")[0].EnumerateObject().Select(member => member.Name),
                Is.EqualTo(new[] { "node", "operator", "kernel", "shapes", "flops", "panels", "weights_bytes", "scratch_bytes", "live_bytes" }));
        }
    }

    [Test]
    public void A_limit_that_is_too_small_is_refused_and_explained()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder, columns: 400);

        // In this process the commands share what .NET compiles: what the first one grew by is not to count for the second.
        Invocation.Of("plan", model, "--memory", "1GB").AssertSucceeded();
        Invocation.Of("run", model, "--memory", "1GB").AssertSucceeded();
        Invocation text = Invocation.Of("plan", model, "--memory", "1MB", "--image", folder["memory.png"]);
        text.AssertFailed(ExitCode.BadInput, "--memory 1.0 MiB is too small");
        Assert.That(File.Exists(folder["memory.png"]), Is.False);
        Invocation refused = Invocation.Of("plan", model, "--memory", "1MB", "--json");
        using JsonDocument json = JsonDocument.Parse(refused.Output);
        long smallest = Number(json.RootElement, "smallest_budget_bytes");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(refused.ExitCode, Is.EqualTo(ExitCode.BadInput));
            Assert.That(Number(json.RootElement, "memory_budget_bytes"), Is.EqualTo(1 << 20));
            Assert.That(refused.Error, Does.Contain($"needs --memory {smallest >> 20}MB at least"));
            Assert.That(Regex.Count(refused.Error, "\n"), Is.EqualTo(1));
        }

        Invocation.Of("plan", model, "--memory", $"{smallest}").AssertSucceeded();
        Invocation.Of("run", model, "--memory", $"{smallest}").AssertSucceeded();
    }

    [Test]
    public void A_panel_store_is_planned_with_but_not_made()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder, columns: 400);
        string store = folder["tiny.panels"];
        using JsonDocument without = JsonDocument.Parse(Invocation.Of("plan", model, "--json").AssertSucceeded().Output);
        using JsonDocument before = JsonDocument.Parse(Invocation.Of("plan", model, "--panel-store", store, "--json").AssertSucceeded().Output);
        using (Assert.EnterMultipleScope())
        {
            Assert.That(File.Exists(store), Is.False);
            Assert.That(before.RootElement.GetProperty("panel_store").GetString(), Is.EqualTo(store));
            Assert.That(Number(before.RootElement, "arena_bytes"), Is.LessThan(Number(without.RootElement, "arena_bytes")), "nothing is packed in a run");
            Assert.That(Invocation.Of("plan", model, "--panel-store", store).AssertSucceeded().Output, Does.Contain("which does not exist yet"));
        }

        Invocation.Of("run", model, "--panel-store", store).AssertSucceeded();
        using JsonDocument after = JsonDocument.Parse(Invocation.Of("plan", model, "--panel-store", store, "--json").AssertSucceeded().Output);
        Assert.That(Number(after.RootElement, "predicted_peak_bytes"), Is.EqualTo(Number(before.RootElement, "predicted_peak_bytes")));
    }

    [Test]
    public void The_picture_is_a_PNG_file()
    {
        using TemporaryFolder folder = new();
        string file = Path.Combine(folder["pictures"], "memory.png");
        Invocation.Of("plan", TinyModel.Write(folder, columns: 400), "--image", file, "--memory", "900GB").AssertSucceeded();
        byte[] png = File.ReadAllBytes(file);
        Assert.That(png.AsSpan(0, 8).SequenceEqual<byte>([137, 80, 78, 71, 13, 10, 26, 10]), Is.True);
        Assert.That(BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(16)), Is.GreaterThan(1000), "its width");
    }

    [Test]
    public void Wrong_dimensions_are_explained()
    {
        using TemporaryFolder folder = new();
        string model = TinyModel.Write(folder);
        using (Assert.EnterMultipleScope())
        {
            Invocation.Of("plan", model, "--dim", "height=2").AssertFailed(ExitCode.BadInput, "height", "batch");
            Invocation.Of("plan", model, "--dim", "batch=many").AssertFailed(ExitCode.BadInput, "batch=many");
        }
    }

    private static long Number(JsonElement report, string name) => report.GetProperty(name).GetInt64();
}
