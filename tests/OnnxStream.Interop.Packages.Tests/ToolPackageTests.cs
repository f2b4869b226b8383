using System.IO.Compression;
using System.Text.Json;

namespace OnnxStream.Interop.Packages.Tests;

/// <summary>The tool as <c>dotnet tool install</c> brings it, and the one for 64-bit ARM from its package.</summary>
public class ToolPackageTests
{
    // Kernels for other processors add in another order. After 20 steps a picture of 8 bits still differs by little.
    private const int LargestPixelDifference = 4;
    private const double MeanPixelDifference = 0.1;

    // What the tool may have resident while it makes the picture.
    private const long PeakLimit = 32L << 20;

    private string _folder = null!;
    private string? _armTool;

    [OneTimeSetUp]
    public void CreateUser() => _folder = Packages.CreateUser(Directory.CreateTempSubdirectory("onnxstream-tool-").FullName);

    [OneTimeTearDown]
    public void DeleteUser() => Directory.Delete(_folder, recursive: true);

    [Test]
    public void InstalledToolTestsItself()
    {
        JsonElement report = JsonDocument.Parse(Tool.MustRun(_folder, Install(), "selftest", "--json")).RootElement;
        Assert.That(report.GetProperty("families").GetArrayLength(), Is.GreaterThan(25));
        Assert.That(report.GetProperty("failed").GetInt32(), Is.Zero);
    }

    // What is installed starts as the program for every processor.
    [Test]
    public void InstalledToolIsTheOneForThisProcessor()
    {
        JsonElement report = JsonDocument.Parse(Tool.MustRun(_folder, Install(), "selftest", "--json")).RootElement;
        bool isX64 = report.GetProperty("processor").GetString() == "x64";
        bool hasLevel3 = System.Runtime.Intrinsics.X86.Avx2.IsSupported && System.Runtime.Intrinsics.X86.Fma.IsSupported;
        Assert.That(report.GetProperty("vector_bits").GetInt32(), Is.EqualTo(isX64 && hasLevel3 ? 256 : 128));
    }

    [Test]
    public void InstalledToolMakesAPictureInLittleMemory()
    {
        string report = Tool.MustRun(_folder, Install(), [.. Picture("host.png"), "--json", "--quiet"]);
        long peak = JsonDocument.Parse(report).RootElement.GetProperty("peak_rss_bytes").GetInt64();
        Assert.That(peak, Is.LessThan(PeakLimit));
    }

    [Test]
    public void ToolForDotnetRuns()
    {
        string tool = Extract("OnnxStream.Interop.Cli.any");
        Assert.That(Tool.MustRun(_folder, "dotnet", Path.Combine(tool, "onnxstream.dll"), "selftest"), Does.Contain(" 0 failed"));
    }

    [TestCase(Emulator.CortexA53, null, "neonfma", "neon_mlal")]
    [TestCase(Emulator.Newest, "neondot", "neondot", "neondot")]
    [TestCase(Emulator.Newest, null, "neoni8mm", "neoni8mm")]
    public void ToolForArmTestsItself(string processor, string? newest, string instructionSet, string kernel)
    {
        string output = Emulator.MustRunWith(newest is null ? [] : [$"ONNXSTREAM_ISA={newest}"], processor, _folder, ArmTool(), "selftest", "--json");
        JsonElement report = JsonDocument.Parse(output).RootElement;
        Assert.That(report.GetProperty("processor").GetString(), Is.EqualTo("arm64"));
        string[] sets = [.. report.GetProperty("instruction_sets").EnumerateArray().Select(name => name.GetString()!)];
        Assert.That(sets, Does.Contain(instructionSet));
        Assert.That(sets.Intersect(["neonfp16arith", "neondot", "neoni8mm"]).Count(), Is.EqualTo(processor != Emulator.Newest ? 0 : newest is null ? 3 : 2));
        JsonElement kernels = report.GetProperty("matrix_kernels");
        Assert.That(kernels.GetProperty("f32").GetString(), Does.Contain("asm_aarch64_neonfma"));
        Assert.That(kernels.GetProperty("qd8_f32_qc8w").GetString(), Does.Contain(kernel));
        Assert.That(kernels.TryGetProperty("f16", out _), Is.EqualTo(processor == Emulator.Newest));
        Assert.That(report.GetProperty("families").GetArrayLength(), Is.GreaterThan(25));
        Assert.That(report.GetProperty("failed").GetInt32(), Is.Zero);
    }

    [Test]
    public void ToolForArmMakesTheSamePicture()
    {
        string arm = ArmTool();
        _ = Emulator.MustRun(Emulator.CortexA53, _folder, arm, Picture("arm.png"));
        _ = Tool.MustRun(_folder, Install(), Picture("host.png"));
        byte[] expected = Pixels(Path.Combine(_folder, "host.png"));
        byte[] found = Pixels(Path.Combine(_folder, "arm.png"));
        Assert.That(found, Has.Length.EqualTo(expected.Length).And.Length.EqualTo(64 * 64 * 3));
        int[] differences = [.. expected.Zip(found, (left, right) => Math.Abs(left - right))];
        TestContext.Out.WriteLine($"largest difference {differences.Max()}, mean {differences.Average():0.0000}");
        Assert.That(differences.Max(), Is.LessThanOrEqualTo(LargestPixelDifference));
        Assert.That(differences.Average(), Is.LessThanOrEqualTo(MeanPixelDifference));
        Assert.That(expected.Distinct().Count(), Is.GreaterThan(20), "a picture, not an empty page");
    }

    [TestCase(Emulator.CortexA53)]
    [TestCase(Emulator.Newest)]
    public void NativeSmokeProgramRunsOnArm(string processor)
    {
        Emulator.Require();
        string smoke = Path.Combine(Packages.Repository, "artifacts", "native", "linux-arm64", "smoke");
        if (!File.Exists(smoke))
        {
            Assert.Ignore($"{smoke} is not here: './build.sh native --rid linux-arm64' makes it.");
        }

        Assert.That(Emulator.MustRun(processor, _folder, smoke), Is.EqualTo("smoke: 0 kernels added\nsmoke: ok\n"));
    }

    private static string[] Picture(string file) => ["sd", "a yellow star on a blue background", "--model", Packages.Model, "--seed", "1", "--threads", "2", "--output", file];

    private string Install()
    {
        string folder = Path.Combine(_folder, "installed");
        string tool = Path.Combine(folder, OperatingSystem.IsWindows() ? "onnxstream.exe" : "onnxstream");
        if (!File.Exists(tool))
        {
            _ = Packages.File("OnnxStream.Interop.Cli");
            _ = Tool.MustRun(_folder, "dotnet", "tool", "install", "OnnxStream.Interop.Cli", "--version", Packages.Version, "--tool-path", folder);
        }

        return tool;
    }

    private string ArmTool()
    {
        Emulator.Require();
        _armTool ??= Path.Combine(Extract("OnnxStream.Interop.Cli.linux-arm64"), "onnxstream");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(_armTool, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        }

        return _armTool;
    }

    // The folder of a package that holds the tool.
    private string Extract(string id)
    {
        string folder = Path.Combine(_folder, id);
        if (!Directory.Exists(folder))
        {
            ZipFile.ExtractToDirectory(Packages.File(id), folder);
        }

        return Path.GetDirectoryName(Directory.EnumerateFiles(folder, "DotnetToolSettings.xml", SearchOption.AllDirectories).Single())!;
    }

    // The bytes of a picture of 8-bit red, green and blue.
    private static byte[] Pixels(string path)
    {
        byte[] png = File.ReadAllBytes(path);
        using MemoryStream compressed = new();
        int width = 0;
        for (int at = 8; at < png.Length;)
        {
            int length = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at));
            string type = System.Text.Encoding.ASCII.GetString(png, at + 4, 4);
            if (type == "IHDR")
            {
                width = System.Buffers.Binary.BinaryPrimitives.ReadInt32BigEndian(png.AsSpan(at + 8));
            }
            else if (type == "IDAT")
            {
                compressed.Write(png, at + 8, length);
            }

            at += 12 + length;
        }

        compressed.Position = 0;
        using ZLibStream inflated = new(compressed, CompressionMode.Decompress);
        using MemoryStream filtered = new();
        inflated.CopyTo(filtered);
        return Unfilter(filtered.ToArray(), 3 * width);
    }

    // The filters of PNG: a byte is stored as its difference from what lies left, above or between.
    private static byte[] Unfilter(byte[] filtered, int rowBytes)
    {
        byte[] pixels = new byte[filtered.Length / (rowBytes + 1) * rowBytes];
        for (int row = 0; row * rowBytes < pixels.Length; row++)
        {
            for (int i = 0; i < rowBytes; i++)
            {
                int left = i < 3 ? 0 : pixels[(row * rowBytes) + i - 3];
                int above = row == 0 ? 0 : pixels[((row - 1) * rowBytes) + i];
                int corner = row == 0 || i < 3 ? 0 : pixels[((row - 1) * rowBytes) + i - 3];
                int predicted = filtered[row * (rowBytes + 1)] switch
                {
                    0 => 0,
                    1 => left,
                    2 => above,
                    3 => (left + above) / 2,
                    _ => Paeth(left, above, corner),
                };
                pixels[(row * rowBytes) + i] = (byte)(filtered[(row * (rowBytes + 1)) + 1 + i] + predicted);
            }
        }

        return pixels;
    }

    private static int Paeth(int left, int above, int corner)
    {
        int estimate = left + above - corner;
        (int toLeft, int toAbove, int toCorner) = (Math.Abs(estimate - left), Math.Abs(estimate - above), Math.Abs(estimate - corner));
        return toLeft <= toAbove && toLeft <= toCorner ? left : toAbove <= toCorner ? above : corner;
    }
}
