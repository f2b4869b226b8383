using OnnxStream.Interop.Build.Tools;
using OnnxStream.Interop.Build.Verbs;

namespace OnnxStream.Interop.Build.TestRuns;

/// <summary>What some tests need. Where it cannot be had, those tests are skipped and say so.</summary>
internal static class TestPrerequisites
{
    /// <summary>Installs the test cases of the ONNX project, as root on Debian and Ubuntu.</summary>
    public static void EnsureOnnxTestCases(BuildHost host)
    {
        const string Package = "libonnx-testdata";
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("ONNXSTREAM_ONNX_TESTDATA"))
            && !Directory.Exists($"/usr/share/{Package}/data") && host.HasApt && host.IsPrivileged)
        {
            Install(host, Package, "the test cases of the ONNX project are skipped");
        }
    }

    /// <summary>Installs a web server that models are streamed from, as root on Debian and Ubuntu. It is not started here.</summary>
    public static void EnsureWebServer(BuildHost host)
    {
        if (!File.Exists("/usr/sbin/nginx") && host.HasApt && host.IsPrivileged)
        {
            Install(host, "nginx-light", "tests with nginx are skipped");
        }
    }

    /// <summary>Installs the server of the queue that tests of fleets start, as root on Debian and Ubuntu. It is not started here.</summary>
    public static void EnsureQueueServer(BuildHost host)
    {
        const string Package = "nats-server";
        if (host.Find(Package) is null && !File.Exists("/usr/sbin/nats-server") && host.HasApt && host.IsPrivileged)
        {
            Install(host, Package, "tests of fleets are skipped");
        }
    }

    /// <summary>Installs a voice that reads texts aloud, for tests of speech, as root on Debian and Ubuntu.</summary>
    public static void EnsureVoice(BuildHost host)
    {
        const string Package = "espeak-ng";
        if (host.Find(Package) is null && host.HasApt && host.IsPrivileged)
        {
            Install(host, Package, "tests with spoken texts are skipped");
        }
    }

    /// <summary>Installs a browser that tests of the server's page drive, as root on Debian (Ubuntu has none as a package).</summary>
    public static void EnsureBrowser(BuildHost host)
    {
        const string Package = "chromium", Otherwise = "tests of the server's page are skipped";
        if (host.Find(Package, "google-chrome", "chromium-browser") is not null)
        {
            return;
        }

        if (host.HasApt && host.IsPrivileged)
        {
            Install(host, Package, Otherwise);
        }
        else
        {
            Console.WriteLine($"test: there is no Chromium; {Otherwise}");
        }
    }

    /// <summary>
    /// Makes the packages for their tests, and installs an emulator of 64-bit ARM. Packing compiles the tool for each platform, so packages
    /// are kept in the cache by what they are made from.
    /// </summary>
    public static void Prepare(BuildHost host)
    {
        if (host.BuildsForArm)
        {
            if (host.Find("qemu-aarch64-static") is null && host.HasApt && host.IsPrivileged)
            {
                Install(host, "qemu-user-static", "tests for ARM are skipped");
            }

            if (!RequiredTools.HasArmSystemRoot && !host.IsPrivileged)
            {
                Console.Error.WriteLine("test: packages for ARM need crossbuild-essential-arm64, which only root can install: tests of packages are skipped");
                return;
            }

            NativeVerb.Build(host, "linux-arm64");
        }

        PackageCache cache = PackageCache.ForCurrentSources();
        if (cache.TryRestore(PackVerb.Folder))
        {
            Console.WriteLine($"test: packages from {cache.Folder}");
            return;
        }

        Pack();
        cache.Store(PackVerb.Folder);
    }

    // In a process of its own, because its many lines are of interest only where it fails.
    private static void Pack()
    {
        const string Log = "artifacts/pack.log";
        using (StreamWriter output = new(Log))
        {
            if (ExternalProgram.TryRun(output, ExternalProgram.Dotnet, typeof(TestPrerequisites).Assembly.Location, "pack") == 0)
            {
                return;
            }
        }

        Console.Error.Write(File.ReadAllText(Log));
        throw new BuildFailedException("test: the packages could not be made.");
    }

    private static void Install(BuildHost host, string package, string otherwise)
    {
        Console.WriteLine($"test: installing {package} with apt-get");
        // The lists of packages may be missing or old.
        if (AptGet.Install(host, package) is not null && (AptGet.Update(host) is not null || AptGet.Install(host, package) is not null))
        {
            Console.Error.WriteLine($"test: apt-get could not install {package}; {otherwise}");
        }
    }
}
