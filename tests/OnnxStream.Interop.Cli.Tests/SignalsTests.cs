using System.Diagnostics;

namespace OnnxStream.Interop.Cli.Tests;

/// <summary>The tool stops soon after SIGINT and SIGTERM at any moment, says so, and leaves no half-written file.</summary>
[Platform(Include = "Linux,MacOsX")]
internal sealed class SignalsTests
{
    // A second is promised. Other programs have this machine too.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(5);

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void In_the_middle_of_runs([Values("INT", "TERM")] string signal)
    {
        string model = TinyModel.Write(_folder, columns: 400_000);
        AssertStops(["run", model, "--repeat", "1000000"], "run 3/", signal);
    }

    [Test]
    public void In_the_middle_of_one_long_step([Values("INT", "TERM")] string signal)
    {
        // One product of matrices takes seconds, and nobody looks at the time in it.
        string model = TinyModel.Write(_folder, columns: 4000, rows: 4000);
        AssertStops(["run", model, "--dim", "batch=8000", "--threads", "1", "--repeat", "50"], null, signal, TimeSpan.FromSeconds(4));
    }

    [Test]
    public void While_weights_are_packed([Values("INT", "TERM")] string signal)
    {
        string model = TinyModel.Write(_folder, columns: 30_000_000);
        string[] before = Directory.GetFileSystemEntries(_folder.Path);
        AssertStops(["pack", model, "-o", _folder["weights.panels"]], "Writing the panel store", signal);
        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EquivalentTo(before));
    }

    [Test]
    public void While_a_model_is_converted([Values("INT", "TERM")] string signal, [Values("converted.onnx", "converted")] string name)
    {
        string model = TinyModel.Write(_folder, columns: 30_000_000);
        string[] before = Directory.GetFileSystemEntries(_folder.Path);
        using ToolProcess tool = ToolProcess.Start(["convert", model, _folder[name]]);
        SpinWait.SpinUntil(() => tool.HasEnded || Directory.GetFileSystemEntries(_folder.Path).Length > before.Length);
        if (!tool.HasEnded)
        {
            tool.Send(signal);
        }

        // A disk may be so quick that the conversion ends before the signal is heard: then it is complete.
        Invocation ended = tool.WaitForEnd();
        Assert.That(ended.ExitCode, Is.EqualTo(signal == "INT" ? 130 : 143).Or.Zero, ended.Error);
        string[] added = [.. Directory.GetFileSystemEntries(_folder.Path).Except(before)];
        if (ended.ExitCode == 0)
        {
            Assert.That(added, Does.Contain(_folder[name]).And.All.StartsWith(_folder[name]));
            Model.Load(_folder[name]);
        }
        else
        {
            Assert.That(added, Is.Empty);
        }
    }

    // Some tens of runs of the model, of a second each.
    [Test]
    public void While_formats_are_chosen([Values("INT", "TERM")] string signal)
    {
        string model = TinyModel.Write(_folder, columns: 6000, rows: 2000);
        string[] before = Directory.GetFileSystemEntries(_folder.Path);

        // The search takes some seconds on a quick machine; the tool has begun it by then, or stops before it.
        AssertStops(["run", model, "--dim", "batch=6000", "--panel-store", _folder["w.panels"], "--panel-type", "auto", "--threads", "1"], null, signal, TimeSpan.FromMilliseconds(800));
        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EquivalentTo(before));
    }

    // The server answers none of the tool's requests, or only those for the graph, and then no more.
    [Test]
    public void While_a_server_does_not_answer([Values("INT", "TERM")] string signal, [Values(0, 1, 2, 4)] int answers, [Values("run", "plan", "convert")] string command)
    {
        string model = TinyModel.Write(_folder, columns: 3_000_000);
        using StallingServer server = new(model, answers);
        string[] before = Directory.GetFileSystemEntries(_folder.Path);
        string address = $"{server.Address}tiny.onnx";
        using ToolProcess tool = ToolProcess.Start(command == "convert" ? [command, address, _folder["converted.onnx"]] : [command, address]);
        if (command == "plan" && answers > 0)
        {
            // What it has got may be all that it needs.
            SpinWait.SpinUntil(() => tool.HasEnded || server.HasStalled, TimeSpan.FromSeconds(60));
            if (tool.HasEnded)
            {
                return;
            }
        }

        Assert.That(server.WaitForStall(), Is.True, tool.Error);
        AssertStops(tool, signal);
        Assert.That(Directory.GetFileSystemEntries(_folder.Path), Is.EquivalentTo(before));
    }

    [TestCase("run", "{0}")]
    [TestCase("run", "{1}", "--input", "x={0}")]
    [TestCase("inspect", "{0}")]
    [TestCase("plan", "{0}")]
    public void While_it_waits_for_a_pipe_or_has_refused_it(params string[] arguments)
    {
        string pipe = _folder["pipe.npy"];
        using (Process make = Process.Start("mkfifo", [pipe]))
        {
            make.WaitForExit();
        }

        string model = TinyModel.Write(_folder);
        using ToolProcess tool = ToolProcess.Start([.. arguments.Select(argument => argument.Replace("{0}", pipe, StringComparison.Ordinal).Replace("{1}", model, StringComparison.Ordinal))]);
        Thread.Sleep(3000);
        if (tool.HasEnded)
        {
            tool.WaitForEnd().AssertFailed(ExitCode.BadInput, "pipe");
        }
        else
        {
            AssertStops(tool, "INT");
        }
    }

    // Wherever it is just then: .NET may not have begun to hear signals, which end it as they do any process.
    [Test]
    public void At_any_moment([Values("run", "plan", "inspect", "pack", "selftest", "convert")] string command)
    {
        string model = TinyModel.Write(_folder, columns: 300_000);
        string[] arguments = command switch
        {
            "run" => ["run", model, "--panel-store", _folder["weights.panels"], "--output-dir", _folder["outputs"], "--repeat", "30"],
            "pack" => ["pack", model, "-o", _folder["weights.panels"]],
            "selftest" => ["selftest"],
            "convert" => ["convert", model, _folder["converted.onnx"]],
            _ => [command, model],
        };
        for (int delay = 50; delay < 1500; delay += 250)
        {
            using ToolProcess tool = ToolProcess.Start(arguments);
            Thread.Sleep(delay);
            tool.Send(delay % 100 == 0 ? "INT" : "TERM");
            long start = Stopwatch.GetTimestamp();
            Invocation ended = tool.WaitForEnd();
            TestContext.Out.WriteLine($"stopped {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0} ms after {delay} ms");
            Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(s_limit));
            Assert.That(ended.ExitCode, Is.EqualTo(0).Or.EqualTo(ExitCode.Cancelled).Or.EqualTo(ExitCode.Terminated), ended.Error);
            Assert.That(ended.Error, Does.Not.Contain("   at "));
            Assert.That(Directory.GetFileSystemEntries(_folder.Path, "*.partial"), Is.Empty, $"after {delay} ms");
            foreach (string file in Directory.GetFiles(_folder.Path).Where(file => file != model))
            {
                File.Delete(file);
            }
        }
    }

    private static void AssertStops(string[] arguments, string? line, string signal, TimeSpan delay = default)
    {
        using ToolProcess tool = ToolProcess.Start(arguments);
        if (line is not null)
        {
            tool.WaitFor(line);
        }

        Thread.Sleep(delay);
        AssertStops(tool, signal);
    }

    private static void AssertStops(ToolProcess tool, string signal)
    {
        Assert.That(tool.HasEnded, Is.False, tool.Error);
        tool.Send(signal);
        long start = Stopwatch.GetTimestamp();
        Invocation ended = tool.WaitForEnd();
        TestContext.Out.WriteLine($"stopped after {Stopwatch.GetElapsedTime(start).TotalMilliseconds:0} ms");
        Assert.That(Stopwatch.GetElapsedTime(start), Is.LessThan(s_limit));
        Assert.That(ended.ExitCode, Is.EqualTo(signal == "INT" ? 130 : 143), ended.Error);
        Assert.That(ended.Error.Split('\n')[^1], Is.EqualTo("onnxstream: cancelled."));
        Assert.That(ended.Error, Does.Not.Contain("   at "));
    }
}
