using System.Text.RegularExpressions;

namespace OnnxStream.Interop.Cli.Tests.Build;

/// <summary><c>THIRD-PARTY-NOTICES.txt</c> names whatever the projects under <c>src/</c> ship with.</summary>
internal sealed partial class ThirdPartyNoticesTests
{
    private static readonly string Notices = File.ReadAllText(Path.Combine(Repository.Root, "THIRD-PARTY-NOTICES.txt"));

    [Test]
    public void Every_package_is_named()
    {
        string[] packages = [.. Directory.GetFiles(Path.Combine(Repository.Root, "src"), "*.csproj", SearchOption.AllDirectories)
            .SelectMany(project => PackageReference().Matches(File.ReadAllText(project)))
            .Select(match => match.Groups["name"].Value)
            .Distinct()];
        Assert.That(packages, Is.Not.Empty);
        Assert.That(packages.Where(package => !Notices.Contains(package)), Is.Empty);
    }

    [Test]
    public void Every_native_dependency_is_named()
    {
        string dependencies = File.ReadAllText(Path.Combine(Repository.Root, "cmake", "dependencies.cmake"));
        string[] names = Dependencies().Match(dependencies).Groups["names"].Value.Split(' ');
        Assert.That(names, Has.Length.GreaterThan(1));
        Assert.That(names.Where(name => !Notices.Contains(name, StringComparison.OrdinalIgnoreCase)), Is.Empty);
    }

    [GeneratedRegex("PackageReference Include=\"(?<name>[^\"]+)\"")]
    private static partial Regex PackageReference();

    [GeneratedRegex(@"ONNXSTREAM_DEPENDENCIES (?<names>[A-Z0-9 ]+)\)")]
    private static partial Regex Dependencies();
}
