namespace OnnxStream.Interop.Build.Tests;

/// <summary>
/// Mends of XNNPACK's source (native/mends.cmake) are refused where the source is another one than they were written
/// for.
/// </summary>
internal sealed class MendsTests
{
    [Test]
    public void Each_place_is_mended()
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["a.c"], "x = f(1); y = f(2);\nz[0] = g(3);\n");
        File.WriteAllText(folder["b.c"], "x = f(4);\r\n");
        File.WriteAllText(folder["c.c"], "x = g(4);\n");
        Assert.That(Mend(folder, files: 2, places: 3).ExitCode, Is.Zero);
        Assert.That(File.ReadAllText(folder["a.c"]), Is.EqualTo("x = h(1); y = h(2);\nz[0] = g(3);\n"));
        Assert.That(File.ReadAllText(folder["b.c"]), Is.EqualTo("x = h(4);\n"));
        Assert.That(File.ReadAllText(folder["c.c"]), Is.EqualTo("x = g(4);\n"));
    }

    [TestCase(1, 2)]
    [TestCase(2, 3)]
    [TestCase(2, 1)]
    public void Another_number_of_places_ends_the_build(int files, int places)
    {
        using TemporaryFolder folder = new();
        File.WriteAllText(folder["a.c"], "x = f(1);\n");
        File.WriteAllText(folder["b.c"], "x = f(2);\n");
        Invocation invocation = Mend(folder, files, places);
        Assert.That(invocation.ExitCode, Is.Not.Zero);
        Assert.That(invocation.Error,
            Does.Contain("*.c has 2 places in 2 files").And.Contain($"{places} in {files} are expected"));
    }

    [Test]
    public void Other_sources_than_the_pinned_ones_end_the_build()
    {
        using TemporaryFolder folder = new();
        Invocation invocation = Invocation.Of(Cmake, Path, $"-DXNNPACK={folder.Path}", "-P", "native/mends.cmake");
        Assert.That(invocation.ExitCode, Is.Not.Zero);
        Assert.That(invocation.Error, Does.Contain("no kernel of f32-gemm clamps as expected"));
    }

    private static string Path => Environment.GetEnvironmentVariable("PATH")!;

    private static string Cmake =>
        Path.Split(System.IO.Path.PathSeparator).SelectMany(folder =>
            new[] { System.IO.Path.Combine(folder, "cmake"), System.IO.Path.Combine(folder, "cmake.exe") })
        .FirstOrDefault(File.Exists) ?? throw new IgnoreException(
            "cmake is not in PATH: only the build program knows where it is.");

    private static Invocation Mend(TemporaryFolder folder, int files, int places)
    {
        File.WriteAllText(folder["script.cmake"], $"""
            include(native/mends.cmake)
            onnxstream_mend("{folder.Path.Replace('\\', '/')}" "*.c" {files} {places} "f(\\([0-9]\\))" "h\\1")
            """);
        return Invocation.Of(Cmake, Path, "-P", folder["script.cmake"]);
    }
}
