using OnnxStream.Interop.Build.TestRuns;

namespace OnnxStream.Interop.Build.Tests.TestRuns;

internal sealed class PackageCacheTests
{
    [Test]
    public void Keeps_the_latest_packages_only()
    {
        using TemporaryFolder folder = new();
        PackageCache earlier = new(Path.Combine(folder["packages"], "1"));
        PackageCache later = new(Path.Combine(folder["packages"], "2"));
        Assert.That(earlier.TryRestore(folder["restored"]), Is.False);
        Store(earlier, "old");
        Store(later, "new");
        Assert.That(earlier.TryRestore(folder["restored"]), Is.False);
        _ = Directory.CreateDirectory(folder["restored"]);
        File.WriteAllText(Path.Combine(folder["restored"], "stale.nupkg"), "");
        Assert.That(later.TryRestore(folder["restored"]), Is.True);
        Assert.That(Directory.GetFiles(folder["restored"]).Select(Path.GetFileName), Is.EqualTo(new[] { "new.nupkg" }));

        void Store(PackageCache cache, string name)
        {
            string source = Directory.CreateDirectory(folder[name]).FullName;
            File.WriteAllText(Path.Combine(source, $"{name}.nupkg"), name);
            cache.Store(source);
        }
    }
}
