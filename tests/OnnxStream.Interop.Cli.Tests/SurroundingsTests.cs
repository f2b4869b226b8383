using System.Diagnostics;
using System.Globalization;

namespace OnnxStream.Interop.Cli.Tests;

/// <summary>The tool where a system gives less than it mostly does: it does its work, with a message where it is slower for it, or fails with one clear line.</summary>
[Platform(Include = "Linux")]
internal sealed class SurroundingsTests
{
    // A user without rights, and without processes of its own.
    private static readonly string[] s_nobody = ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups", "--inh-caps=-all"];

    private TemporaryFolder _folder = null!;

    [SetUp]
    public void MakeFolder() => _folder = new TemporaryFolder();

    [TearDown]
    public void DeleteFolder() => _folder.Dispose();

    [Test]
    public void More_threads_than_anybody_has() =>
        Invocation.Of("run", TinyModel.Write(_folder), "--threads", "100000").AssertFailed(ExitCode.BadInput, "--threads 100000", "at most 1024");

    [Test]
    public void The_most_threads()
    {
        Invocation ran = ToolProcess.Run(["run", TinyModel.Write(_folder, columns: 100_000), "--threads", "1024"]);
        ran.AssertSucceeded();
    }

    // From too few for .NET itself to enough for all: at each limit it runs, or .NET says in its own words that it cannot start.
    [Test]
    public void A_system_that_refuses_threads([Values("run", "selftest")] string command)
    {
        RequireRights(s_nobody);
        string model = TinyModel.Write(_folder, columns: 100_000);
        Open(model);
        int ran = 0;
        int fewer = 0;
        foreach (int limit in (int[])[6, 7, 8, 9, 10, 11, 12, 14, 17, 24, 60])
        {
            string[] arguments = command == "run" ? ["run", model, "--threads", "8"] : ["selftest", "--only", "attention", "--threads", "8"];
            Invocation ended = ToolProcess.Run(arguments, [.. s_nobody, "prlimit", $"--nproc={limit.ToString(CultureInfo.InvariantCulture)}"]);
            if (ended.Error.Contains("Failed to create CoreCLR", StringComparison.Ordinal) || ended.Error.Contains("Failed to initialize", StringComparison.Ordinal))
            {
                Assert.That(ran, Is.Zero, "more are enough");
                continue;
            }

            Assert.That(ended.ExitCode, Is.Zero, $"{limit}: {ended.Error}");
            Assert.That(ended.Error, Does.Not.Contain("   at "));
            ran++;
            fewer += ended.Error.Contains("The system starts no more threads", StringComparison.Ordinal) ? 1 : 0;
        }

        Assert.That(ran, Is.GreaterThan(3));
        Assert.That(fewer, command == "run" ? Is.Positive : Is.Zero);
    }

    // As in a container with a limit: no right helps against it.
    [Test]
    public void A_control_group_that_refuses_threads([Values("run", "selftest")] string command)
    {
        using ControlGroup group = ControlGroup.Make();
        string model = TinyModel.Write(_folder, columns: 100_000);
        int ran = 0;
        int fewer = 0;
        foreach (int limit in (int[])[7, 8, 9, 10, 11, 12, 14, 17, 24, 60])
        {
            group.Limit(limit);
            string[] arguments = command == "run" ? ["run", model, "--threads", "8"] : ["selftest", "--only", "attention", "--threads", "8"];
            Invocation ended = ToolProcess.Run(arguments, group.Wrapper);
            if (ended.Error.Contains("Failed to create CoreCLR", StringComparison.Ordinal) || ended.Error.Contains("Failed to initialize", StringComparison.Ordinal))
            {
                Assert.That(ran, Is.Zero, "more are enough");
                continue;
            }

            Assert.That(ended.ExitCode, Is.Zero, $"{limit}: {ended.Error}");
            Assert.That(ended.Error, Does.Not.Contain("   at "));
            ran++;
            fewer += ended.Error.Contains("The system starts no more threads", StringComparison.Ordinal) ? 1 : 0;
        }

        Assert.That(ran, Is.GreaterThan(3));
        Assert.That(fewer, command == "run" ? Is.Positive : Is.Zero);
    }

    [Test]
    public void No_home_and_no_folder_for_temporary_files()
    {
        string model = TinyModel.Write(_folder, columns: 100_000);
        Dictionary<string, string?> environment = new() { ["HOME"] = null, ["XDG_DATA_HOME"] = null, ["ONNXSTREAM_PANEL_CACHE"] = null, ["TMPDIR"] = _folder["nowhere"] };
        foreach (string[] arguments in (string[][])[["run", model], ["plan", model], ["inspect", model], ["run", model, "--memory", "400MB"]])
        {
            ToolProcess.Run(arguments, environment: environment).AssertSucceeded();
        }

        ToolProcess.Run(["selftest"], environment: environment).AssertFailed(ExitCode.Failure, _folder["nowhere"], "TMPDIR");
    }

    [Test]
    public void A_user_without_a_home_packs_anew()
    {
        RequireRights(s_nobody);
        string model = TinyModel.Write(_folder, columns: 100_000);
        Open(model);
        Invocation ran = ToolProcess.Run(["run", model, "--panel-store", "auto"], s_nobody, new Dictionary<string, string?> { ["HOME"] = null, ["XDG_DATA_HOME"] = null, ["ONNXSTREAM_PANEL_CACHE"] = null });
        ran.AssertSucceeded();
        Assert.That(ran.Error, Does.Contain("could not be written"));
    }

    [Test]
    public void A_file_system_that_is_only_read()
    {
        string[] wrapper = Mounting("mount -t tmpfs -o size=64m tmpfs \"$FOLDER\" && cp \"$MODEL\" \"$FOLDER/m.onnx\" && mount -o remount,ro \"$FOLDER\"");
        (string model, Dictionary<string, string?> environment) = Mounted(100_000);
        string folder = environment["FOLDER"]!;
        environment["TMPDIR"] = folder;
        environment["HOME"] = folder;
        environment["ONNXSTREAM_PANEL_CACHE"] = $"{folder}/cache";
        ToolProcess.Run(["run", $"{folder}/m.onnx"], wrapper, environment).AssertSucceeded();
        Invocation auto = ToolProcess.Run(["run", $"{folder}/m.onnx", "--panel-store", "auto"], wrapper, environment);
        auto.AssertSucceeded();
        Assert.That(auto.Error, Does.Contain("could not be written").And.Contain("Read-only"));
        foreach (string[] arguments in (string[][])
        [
            ["run", $"{folder}/m.onnx", "--panel-store", $"{folder}/w.panels"], ["pack", $"{folder}/m.onnx", "-o", $"{folder}/w.panels"], ["convert", model, $"{folder}/c.onnx"],
            ["convert", model, $"{folder}/c"], ["run", model, "--output-dir", $"{folder}/out"], ["run", model, "--trace", $"{folder}/trace.json"], ["selftest"],
        ])
        {
            AssertLine(ToolProcess.Run([.. arguments, "-q"], wrapper, environment), "Read-only file system");
        }
    }

    [Test]
    public void A_full_disk()
    {
        (string model, Dictionary<string, string?> environment) = Mounted(1_000_000);
        string folder = environment["FOLDER"]!;
        environment["TMPDIR"] = folder;

        // What is left behind would be listed, and fail the command.
        string[] wrapper = Mounting("mount -t tmpfs -o size=200k tmpfs \"$FOLDER\"", "ls -A \"$FOLDER\" | grep . >&2");
        foreach (string[] arguments in (string[][])
        [
            ["run", model, "--panel-store", $"{folder}/w.panels"], ["pack", model, "-o", $"{folder}/w.panels"], ["convert", model, $"{folder}/c.onnx"], ["convert", model, $"{folder}/c"],
            ["run", model, "--output-dir", folder],
        ])
        {
            AssertLine(ToolProcess.Run([.. arguments, "-q"], wrapper, environment), "No space left on device", "the disk was full");
        }

        environment["ONNXSTREAM_PANEL_CACHE"] = folder;
        ToolProcess.Run(["run", model, "--panel-store", "auto"], wrapper, environment).AssertSucceeded();
    }

    [Test]
    public void Without_proc()
    {
        (string model, Dictionary<string, string?> environment) = Mounted(100_000);
        Invocation ended = ToolProcess.Run(["run", model, "--memory", "400MB"], Mounting("umount -l /proc"), environment);

        // .NET itself reads it before it starts the tool.
        if (!ended.Error.Contains("Failed to create CoreCLR", StringComparison.Ordinal))
        {
            ended.AssertSucceeded();
        }
    }

    [Test]
    public void Two_that_write_the_same_store()
    {
        string model = TinyModel.Write(_folder, columns: 1_000_000);
        for (int round = 0; round < 3; round++)
        {
            string store = _folder[$"{round}.panels"];
            ToolProcess[] tools = [.. Enumerable.Range(0, 3).Select(_ => ToolProcess.Start(["run", model, "--panel-store", store]))];
            foreach (ToolProcess tool in tools)
            {
                tool.WaitForEnd().AssertSucceeded();
                tool.Dispose();
            }

            Assert.That(Directory.GetFiles(_folder.Path, $"{round}.*"), Is.EqualTo(new[] { store }));
        }
    }

    private static void AssertLine(Invocation ended, string part, string other = "\0")
    {
        Assert.That(ended.ExitCode, Is.Not.Zero.And.LessThan(128), ended.Error);
        Assert.That(ended.Error.TrimEnd().Split('\n'), Has.Length.EqualTo(1).And.All.StartsWith("onnxstream: "));
        Assert.That(ended.Error, Does.Contain(part).Or.Contain(other));
    }

    private (string Model, Dictionary<string, string?> Environment) Mounted(int columns)
    {
        string model = TinyModel.Write(_folder, columns: columns);
        Directory.CreateDirectory(_folder["mounted"]);
        return (model, new Dictionary<string, string?> { ["FOLDER"] = _folder["mounted"], ["MODEL"] = model });
    }

    // In mounts of its own, which go with it.
    private static string[] Mounting(string script, string after = "true")
    {
        string[] wrapper = ["unshare", "--mount", "sh", "-c", $"{script} || exit 125; \"$@\"; code=$?; {after}; exit $code", "sh"];
        RequireRights(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], isWhole: true);
        return wrapper;
    }

    // A machine that gives a test no such rights cannot run it.
    private static void RequireRights(string[] command, bool isWhole = false)
    {
        string[] all = isWhole ? command : [.. command, "true"];
        try
        {
            using Process probe = Process.Start(new ProcessStartInfo(all[0], all[1..]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            probe.WaitForExit();
            if (probe.ExitCode == 0)
            {
                return;
            }
        }
        catch (System.ComponentModel.Win32Exception)
        {
        }

        Assert.Ignore($"'{string.Join(' ', all)}' is not allowed here, or not installed");
    }

    // What others may read.
    private void Open(string model)
    {
        using Process change = Process.Start("chmod", ["a+rX", _folder.Path, model]);
        change.WaitForExit();
    }
}
