namespace OnnxStream.Interop.Cli.Tests;

internal sealed class CommandLineTests
{
    [Test]
    public void Help_lists_commands_and_exit_codes()
    {
        Invocation help = Invocation.Of("--help").AssertSucceeded();
        using (Assert.EnterMultipleScope())
        {
            foreach (string part in (string[])["run <MODEL>", "calibrate <MODEL>", "quantize <MODEL> <DESTINATION>", "inspect <MODEL>", "plan <MODEL>", "pack <MODEL>", "cache", "convert <SOURCE> <DESTINATION>", "sd <PROMPT>", "Exit codes: 0 success", "2 wrong usage", "130 cancelled"])
            {
                Assert.That(help.Output, Does.Contain(part));
            }

            Assert.That(help.Error, Is.Empty);
        }
    }

    [TestCase("run")]
    [TestCase("inspect")]
    [TestCase("plan")]
    [TestCase("pack")]
    [TestCase("cache")]
    [TestCase("convert")]
    [TestCase("calibrate")]
    [TestCase("quantize")]
    [TestCase("sd")]
    public void Help_of_a_command_shows_examples(string command)
    {
        string help = Invocation.Of(command, "--help").AssertSucceeded().Output;
        Assert.That(help, Does.Contain("Examples:").And.Match($@"  onnxstream {command}[ \r\n]").And.Not.Contain("Exit codes"));
    }

    [Test]
    public void Version_is_one_line() =>
        Assert.That(Invocation.Of("--version").AssertSucceeded().Output, Does.Match(@"^onnxstream \d+\.\d+\.\d+\S*\r?\n$"));

    [Test]
    public void Nothing_at_all_is_bad_usage_and_shows_the_help()
    {
        Invocation nothing = Invocation.Of();
        using (Assert.EnterMultipleScope())
        {
            Assert.That(nothing.ExitCode, Is.EqualTo(ExitCode.BadInput));
            Assert.That(nothing.Output, Is.Empty);
            Assert.That(nothing.Error, Does.Contain("Usage:"));
        }
    }

    [TestCase("frobnicate")]
    [TestCase("run")]
    [TestCase("run", "m.onnx", "extra.onnx")]
    [TestCase("run", "m.onnx", "--no-such-option")]
    [TestCase("run", "m.onnx", "--repeat", "0")]
    [TestCase("run", "m.onnx", "--repeat", "many")]
    [TestCase("run", "m.onnx", "--threads", "-1")]
    [TestCase("run", "m.onnx", "--seed", "99999999999")]
    [TestCase("run", "m.onnx", "--weights", "tape")]
    [TestCase("run", "m.onnx", "--input", "x.npy")]
    [TestCase("run", "m.onnx", "--input", "=x.npy")]
    [TestCase("run", "m.onnx", "--input", "x=")]
    [TestCase("run", "m.onnx", "--dim", "batch")]
    [TestCase("run", "m.onnx", "--memory", "lots")]
    [TestCase("run", "m.onnx", "--memory", "0")]
    [TestCase("plan")]
    [TestCase("plan", "m.onnx", "--memory", "-1MB")]
    [TestCase("plan", "m.onnx", "--image", "memory.jpg")]
    [TestCase("plan", "m.onnx", "--top", "-1")]
    [TestCase("pack")]
    [TestCase("pack", "m.onnx", "--panel-type", "f8")]
    [TestCase("cache", "burn")]
    [TestCase("inspect")]
    [TestCase("convert", "m.onnx")]
    public void Bad_usage_is_one_line_that_points_to_the_help(params string[] args) =>
        Invocation.Of(args).AssertFailed(ExitCode.BadInput, "--help");

    [Test]
    public void A_size_that_is_none_is_explained() =>
        Invocation.Of("run", "m.onnx", "--memory", "lots").AssertFailed(ExitCode.BadInput, "--memory lots", "128MB");

    [Test]
    public void A_model_after_an_input_is_explained() =>
        Invocation.Of("run", "--input", "x=x.npy", "m.onnx").AssertFailed(ExitCode.BadInput, "'m.onnx' is not NAME=VALUE", "MODEL must come before the options");

    [Test]
    public void What_nobody_has_foreseen_is_told_without_names_of_types()
    {
        Exception[] exceptions =
        [
            new RankException(), new InvalidCastException("Unable to cast object of type 'System.Int64' to type 'System.Single[]'."), new ArrayTypeMismatchException(), new KeyNotFoundException(),
            new OverflowException(), new InsufficientMemoryException(), new ArgumentException("Too long.", "text"), new ArgumentNullException("text"), new ArgumentOutOfRangeException("index", 3, "Too large."),
            new InvalidOperationException("Nullable`1 has no value."), new InvalidOperationException("A session that only plans has no states."), new NotSupportedException(), new FormatException(),
        ];
        using (Assert.EnterMultipleScope())
        {
            foreach (Exception exception in exceptions)
            {
                Assert.That(CommandLine.Describe(exception), Does.Not.Match(@"System\.|`\d|Exception|Object reference|\(Parameter"));
            }

            Assert.That(CommandLine.Describe(exceptions[0]), Does.Contain("--verbose"));
            Assert.That(CommandLine.Describe(exceptions[6]), Is.EqualTo("Too long."));
            Assert.That(CommandLine.Describe(exceptions[10]), Is.EqualTo("A session that only plans has no states."));
        }
    }

    [TestCase("run", "nowhere.onnx")]
    [TestCase("inspect", "nowhere.onnx")]
    [TestCase("plan", "nowhere.onnx")]
    [TestCase("pack", "nowhere.onnx")]
    [TestCase("convert", "nowhere.onnx", "destination")]
    public void A_missing_model_is_bad_input(params string[] args) =>
        Invocation.Of(args).AssertFailed(ExitCode.BadInput, "nowhere.onnx: no such file or folder");

    [Test]
    public void An_argument_that_begins_with_an_at_sign_is_no_response_file() =>
        Invocation.Of("inspect", "@nowhere").AssertFailed(ExitCode.BadInput, "@nowhere: no such file or folder");

    [Test]
    public void Verbose_tells_where_an_error_came_from()
    {
        Invocation failed = Invocation.Of("inspect", "nowhere.onnx", "--verbose");
        using (Assert.EnterMultipleScope())
        {
            Assert.That(failed.ExitCode, Is.EqualTo(ExitCode.BadInput));
            Assert.That(failed.Error, Does.Contain("   at ").And.Contain("nowhere.onnx"));
        }
    }
}
