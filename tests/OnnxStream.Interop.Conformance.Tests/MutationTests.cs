using System.Globalization;

namespace OnnxStream.Interop.Conformance.Tests;

/// <summary>Models of the ONNX project's cases with bytes that are changed at random: each runs, or is refused with an exception of the documented family.</summary>
/// <remarks>The environment variable ONNXSTREAM_MUTATIONS says how many are tried; the seeds are the same in every run.</remarks>
public sealed class MutationTests
{
    // Seed 4382 found a node without outputs that was not refused.
    private const int DefaultMutations = 5_000;

    // Far more than any case needs; a changed shape may ask for more, and is refused.
    private const long MemoryBudget = 64 << 20;

    // A changed loop may be endless.
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(10);

    [Test]
    public void AreRunOrRefused()
    {
        if (ConformanceSuite.Folder is null)
        {
            Assert.Ignore(ConformanceSuite.Absent);
        }

        int count = int.TryParse(Environment.GetEnvironmentVariable("ONNXSTREAM_MUTATIONS"), CultureInfo.InvariantCulture, out int wanted) ? wanted : DefaultMutations;
        string folder = Directory.CreateTempSubdirectory("onnxstream-").FullName;
        string path = Path.Combine(folder, "model.onnx");
        int refused = 0;
        try
        {
            for (int seed = 0; seed < count; seed++)
            {
                Random random = new(seed);
                string name = ConformanceSuite.Cases[random.Next(ConformanceSuite.Cases.Count)];
                File.WriteAllBytes(path, Mutate(File.ReadAllBytes(ConformanceSuite.Model(name)), random));
                try
                {
                    Run(name, path);
                }
                catch (OnnxStreamException)
                {
                    refused++;
                }
                catch (OperationCanceledException)
                {
                }
                catch (Exception exception)
                {
                    File.Copy(path, Path.Combine(Path.GetTempPath(), $"mutation-{seed}.onnx"), overwrite: true);
                    Assert.Fail($"seed {seed}, {name}: {exception}");
                }
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Assert.That(refused, Is.InRange(count / 10, count), "changes were too few or too many to test anything");
        Assert.That(MemoryDiagnostics.LiveBytes, Is.Zero, "native memory was left behind");
    }

    // One to four changes: a byte that becomes another, a bit that turns, a piece that is lost, doubled, or cut off.
    private static byte[] Mutate(byte[] model, Random random)
    {
        List<byte> bytes = [.. model];
        for (int change = random.Next(1, 5); change > 0 && bytes.Count > 8; change--)
        {
            int place = random.Next(bytes.Count);
            int length = Math.Min(random.Next(1, 9), bytes.Count - place);
            switch (random.Next(8))
            {
                case < 3:
                    bytes[place] = (byte)random.Next(256);
                    break;
                case < 5:
                    bytes[place] ^= (byte)(1 << random.Next(8));
                    break;
                case 5:
                    bytes.RemoveRange(place, length);
                    break;
                case 6:
                    bytes.InsertRange(place, bytes.GetRange(place, length));
                    break;
                default:
                    bytes[place] = random.Next(2) == 0 ? (byte)0x7F : (byte)0xFF;
                    break;
            }
        }

        return [.. bytes];
    }

    private static void Run(string name, string path)
    {
        using InferenceSession session = new(path, new SessionOptions { ThreadCount = 1, MemoryBudget = MemoryBudget });
        Dictionary<string, TensorBuffer> inputs = [];
        foreach (string dataSet in ConformanceSuite.DataSets(name))
        {
            foreach ((ValueMetadata input, string file) in session.Inputs.Zip(ConformanceSuite.Files(dataSet, "input")))
            {
                inputs[input.Name] = TensorBuffer.LoadOnnx(file);
            }

            using CancellationTokenSource source = new(s_limit);
            session.Run(inputs, null, source.Token);
        }
    }
}
