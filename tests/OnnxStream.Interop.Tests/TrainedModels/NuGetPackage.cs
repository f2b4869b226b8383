using System.Diagnostics;
using System.Reflection;
using System.Runtime.Loader;

namespace OnnxStream.Interop.Tests.TrainedModels;

/// <summary>A NuGet package that brings trained models. It is restored once, into the cache outside of the checkout.</summary>
internal sealed class NuGetPackage
{
    private static readonly Lock s_lock = new();

    private NuGetPackage(string folder) => Folder = folder;

    /// <summary>The files of the package.</summary>
    public string Folder { get; }

    /// <summary>Restores a package; the test is skipped where NuGet cannot reach its registry.</summary>
    /// <param name="name">The name.</param>
    /// <param name="version">The version.</param>
    public static NuGetPackage Restore(string name, string version)
    {
        string root = Path.Combine(NpmPackage.Cache(), "nuget");
        string folder = Path.Combine(root, name.ToLowerInvariant(), version);
        lock (s_lock)
        {
            // NuGet writes this file when all others are in place.
            if (!System.IO.File.Exists(Path.Combine(folder, ".nupkg.metadata")))
            {
                Download(name, version, root);
            }
        }

        return new NuGetPackage(folder);
    }

    /// <summary>The path of a file of the package.</summary>
    public string File(string name) => Path.Combine(Folder, name);

    /// <summary>Copies resources of an assembly of the package to files beside it, once; returns their folder.</summary>
    /// <param name="assembly">The path of the assembly in the package.</param>
    /// <param name="prefix">What the names of resources begin with; the rest is the name of the file.</param>
    public string ExtractResources(string assembly, string prefix)
    {
        string folder = Path.Combine(Folder, "resources");
        lock (s_lock)
        {
            if (!Directory.Exists(folder))
            {
                string temporary = $"{folder}.{Guid.NewGuid():N}";
                _ = Directory.CreateDirectory(temporary);
                AssemblyLoadContext context = new("resources", isCollectible: true);
                Assembly loaded = context.LoadFromAssemblyPath(File(assembly));
                foreach (string name in loaded.GetManifestResourceNames().Where(name => name.StartsWith(prefix, StringComparison.Ordinal)))
                {
                    using Stream resource = loaded.GetManifestResourceStream(name)!;
                    using FileStream file = System.IO.File.Create(Path.Combine(temporary, name[prefix.Length..]));
                    resource.CopyTo(file);
                }

                context.Unload();
                Directory.Move(temporary, folder);
            }
        }

        return folder;
    }

    private static void Download(string name, string version, string root)
    {
        string project = Path.Combine(root, $"restore-{Guid.NewGuid():N}");
        _ = Directory.CreateDirectory(project);
        try
        {
            // Files of these names keep those of folders above out.
            foreach (string file in (string[])["Directory.Build.props", "Directory.Build.targets", "Directory.Packages.props"])
            {
                System.IO.File.WriteAllText(Path.Combine(project, file), "<Project />");
            }

            string path = Path.Combine(project, "restore.csproj");
            System.IO.File.WriteAllText(path, $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <TargetFramework>net10.0</TargetFramework>
                    <NuGetAudit>false</NuGetAudit>
                  </PropertyGroup>
                  <ItemGroup>
                    <PackageDownload Include="{name}" Version="[{version}]" />
                  </ItemGroup>
                </Project>
                """);
            ProcessStartInfo start = new("dotnet", ["restore", path, "--packages", root, "-nodeReuse:false", "-v", "quiet"]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = project };
            using Process process = Process.Start(start)!;
            Task<string> error = process.StandardError.ReadToEndAsync();
            string output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            if (process.ExitCode != 0)
            {
                Assert.Ignore($"NuGet could not restore {name} {version}: {output.Trim()} {error.Result.Trim()}");
            }
        }
        finally
        {
            Directory.Delete(project, recursive: true);
        }
    }
}
