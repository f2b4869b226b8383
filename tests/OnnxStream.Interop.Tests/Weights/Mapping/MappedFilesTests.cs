using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop.Tests.Weights;

/// <summary>A file is mapped once for all plans and sessions of a provider, and not any more when the last of them has gone.</summary>
[NativeMemoryLeakCheck]
public class MappedFilesTests
{
    [Test]
    public void PlansAndSessionsShareAMapping()
    {
        using TemporaryFolder folder = new();
        string path = SmallModel.Write(folder);
        using FileWeightsProvider provider = (FileWeightsProvider)WeightsProvider.DiskMapped(keptBytes: 1 << 30);
        using (InferenceSession first = new(path, new SessionOptions { WeightsProvider = provider, ThreadCount = 1 }))
        {
            SmallModel.Check(first.Run(SmallModel.Inputs), "first");
            int files = provider.Files!.Count;
            int mappings = MappingsOf(folder.Path);
            Assert.That(files, Is.GreaterThan(0));
            using (InferenceSession second = new(path, new SessionOptions { WeightsProvider = provider, ThreadCount = 2 }))
            {
                SmallModel.Check(second.Run(SmallModel.Inputs), "second");
                Assert.That(provider.Files.Count, Is.EqualTo(files));
                Assert.That(MappingsOf(folder.Path), Is.EqualTo(mappings));
            }

            Assert.That(provider.Files.Count, Is.EqualTo(files));
            SmallModel.Check(first.Run(SmallModel.Inputs), "first again");
        }

        Assert.That(provider.Files.Count, Is.Zero);
        Assert.That(MappingsOf(folder.Path), Is.Zero);
    }

    // 0 where the system does not tell.
    private static int MappingsOf(string folder) => OperatingSystem.IsLinux() ? File.ReadLines("/proc/self/maps").Count(line => line.Contains(folder, StringComparison.Ordinal)) : 0;
}
