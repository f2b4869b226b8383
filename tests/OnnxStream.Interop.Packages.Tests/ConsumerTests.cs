using System.Runtime.InteropServices;

namespace OnnxStream.Interop.Packages.Tests;

/// <summary>A new console project in an empty folder, which has nothing of this repository but its packages.</summary>
public class ConsumerTests
{
    private string _folder = null!;

    private static string[] Arguments =>
    [
        Path.Combine(Packages.Model, "text_encoder", "model.onnx"),
        Path.Combine(Packages.Model, "golden", "input_ids.npy"),
        Path.Combine(Packages.Model, "golden", "last_hidden_state.npy"),
    ];

    [OneTimeSetUp]
    public void CreateProject()
    {
        _folder = Packages.CreateUser(Directory.CreateTempSubdirectory("onnxstream-consumer-").FullName);
        string source = Path.Combine(AppContext.BaseDirectory, "Consumer");
        File.Copy(Path.Combine(source, "Consumer.csproj.txt"), Path.Combine(_folder, "Consumer.csproj"));
        File.Copy(Path.Combine(source, "Program.cs.txt"), Path.Combine(_folder, "Program.cs"));
    }

    [OneTimeTearDown]
    public void DeleteProject() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void DependentOnTheFramework()
    {
        string output = Publish("framework");
        Assert.That(Path.Combine(output, "runtimes", Packages.Rid, "native"), Does.Exist);
        AssertRuns(Tool.MustRun(_folder, "dotnet", [Path.Combine(output, "Consumer.dll"), .. Arguments]));
    }

    [Test]
    public void SelfContained() => AssertRuns(Tool.MustRun(_folder, Path.Combine(Publish("contained", "-r", Packages.Rid, "--self-contained"), "Consumer"), Arguments));

    [Test]
    public void Trimmed() => AssertRuns(Tool.MustRun(_folder, Path.Combine(Publish("trimmed", "-r", Packages.Rid, "--self-contained", "-p:PublishTrimmed=true"), "Consumer"), Arguments));

    [Test]
    public void CompiledAheadOfTime() => AssertRuns(Tool.MustRun(_folder, Path.Combine(Compile(Packages.Rid), "Consumer"), Arguments));

    [Test]
    public void CompiledAheadOfTimeForArm()
    {
        Emulator.Require();
        _ = Packages.File("OnnxStream.Interop.Native.linux-arm64");
        string output = Compile("linux-arm64");
        Assert.That(Emulator.MustRun(Emulator.CortexA53, _folder, Path.Combine(output, "Consumer"), Arguments), Does.StartWith("Arm64 1536 numbers, error 0.00"));
    }

    [Test]
    public void WithoutTheNativeLibrary()
    {
        string output = Publish("without");
        Directory.Delete(Path.Combine(output, "runtimes"), recursive: true);
        string message = AssertFails(output);
        Assert.That(message, Does.Contain("no such file").And.Contain($"Reference the package OnnxStream.Interop.Native.{Packages.Rid}"));
    }

    [Test]
    public void WithTheNativeLibraryOfAnotherPlatform()
    {
        if (!OperatingSystem.IsLinux())
        {
            Assert.Ignore("The processor of a library is read from ELF files only.");
        }

        string other = RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "linux-arm64" : "linux-x64";
        string output = Publish("other");
        string native = Path.Combine("native", "libonnxstream_xnnpack.so");
        File.Copy(Path.Combine(output, "runtimes", other, native), Path.Combine(output, "runtimes", Packages.Rid, native), overwrite: true);
        string message = AssertFails(output);
        Assert.That(message, Does.Contain($"is for {other}").And.Contain($"dotnet publish -r {Packages.Rid}"));
    }

    private static void AssertRuns(string output) => Assert.That(output, Does.StartWith($"{RuntimeInformation.ProcessArchitecture} 1536 numbers, error 0.00"));

    private string AssertFails(string output)
    {
        (int exitCode, string message) = Tool.Run(_folder, "dotnet", [Path.Combine(output, "Consumer.dll"), .. Arguments]);
        Assert.That(exitCode, Is.Not.Zero);
        Assert.That(message, Does.Contain("could not be loaded"));
        return message;
    }

    private string Compile(string rid)
    {
        List<string> options = ["-r", rid, "-p:PublishAot=true"];
        if (OperatingSystem.IsLinux())
        {
            string? clang = Tool.Find("clang-19", "clang-18", "clang-17", "clang-16", "clang");
            if (clang is null)
            {
                Assert.Ignore("There is no Clang, which links what is compiled ahead of time.");
            }

            options.AddRange([$"-p:CppCompilerAndLinker={clang}", "-p:LinkerFlavor=lld"]);
            if (rid != Packages.Rid)
            {
                options.Add("-p:ObjCopyName=aarch64-linux-gnu-objcopy");
            }
        }

        return Publish($"aot-{rid}", [.. options]);
    }

    // Publishing must not only work: a warning of trimming or compiling ahead of time would be the user's to worry about.
    private string Publish(string name, params string[] options)
    {
        _ = Packages.File("OnnxStream.Interop");
        string output = Path.Combine(_folder, "published", name);
        string log = Tool.MustRun(_folder, "dotnet", ["publish", "-c", "Release", "-o", output, "-nodeReuse:false", .. options]);
        Assert.That(log, Does.Not.Contain("warning"), log);
        return output;
    }
}
