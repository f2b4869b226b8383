using System.Text;
using Google.Protobuf;
using OnnxStream.Interop.Fuzzing.Mutators;
using OnnxStream.Interop.Fuzzing.Seeds;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>OnnxStream folders: lines of <c>model.txt</c> that are changed, and weights that are too short, too long or missing.</summary>
internal sealed class ModelTextTarget() : FuzzTarget("text")
{
    private const string TextFile = "model.txt";

    // Every so many of the models, so that starting does not take longer than trying.
    private const int Interval = 5;

    private List<Dictionary<string, byte[]>>? _folders;

    /// <inheritdoc/>
    public override void Prepare() => _folders ??= [.. SeedModels.All.Where((_, i) => i % Interval == 0).Select(Convert).OfType<Dictionary<string, byte[]>>()];

    /// <inheritdoc/>
    public override void Try(Random random, string folder, CancellationToken cancellationToken)
    {
        string path = Directory.CreateDirectory(Path.Combine(folder, "model")).FullName;
        Dictionary<string, byte[]> files = random.Pick(_folders!);
        bool mutatesWeights = files.Count > 1 && random.Next(6) == 0;
        string mutated = mutatesWeights ? random.Pick([.. files.Keys.Where(name => name != TextFile)]) : TextFile;
        foreach ((string name, byte[] bytes) in files)
        {
            string file = Path.Combine(path, name);
            if (name != mutated)
            {
                File.WriteAllBytes(file, bytes);
            }
            else if (mutatesWeights)
            {
                MutateWeight(file, bytes, random);
            }
            else if (random.Next(5) == 0)
            {
                File.WriteAllBytes(file, ByteMutator.Mutate(bytes, random));
            }
            else
            {
                File.WriteAllBytes(file, Encoding.UTF8.GetBytes(TextMutator.Mutate(Encoding.UTF8.GetString(bytes), random)));
            }
        }

        ModelUse.Run(path, folder, [], random, cancellationToken);
    }

    private static void MutateWeight(string file, byte[] bytes, Random random)
    {
        switch (random.Next(5))
        {
            case 0:
                break;
            case 1:
                File.WriteAllBytes(file, bytes[..random.Next(bytes.Length)]);
                break;
            case 2:
                File.WriteAllBytes(file, [.. bytes, .. new byte[random.Next(1, 5000)]]);
                break;
            case 3:
                Directory.CreateDirectory(file);
                break;
            default:
                byte[] other = new byte[bytes.Length];
                random.NextBytes(other);
                File.WriteAllBytes(file, other);
                break;
        }
    }

    // The files of a model in OnnxStream's format; null where it cannot be written in it.
    private static Dictionary<string, byte[]>? Convert(SeedModel seed)
    {
        string folder = Directory.CreateTempSubdirectory("onnxstream-fuzzing-").FullName;
        try
        {
            ModelFolder.Write(folder, seed.Proto.ToByteArray());
            string text = Path.Combine(folder, "text");
            Model.Load(ModelFolder.PathIn(folder)).SaveOnnxStream(text);
            return Directory.GetFiles(text).ToDictionary(file => Path.GetFileName(file), File.ReadAllBytes);
        }
        catch (OnnxStreamException)
        {
            return null;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
