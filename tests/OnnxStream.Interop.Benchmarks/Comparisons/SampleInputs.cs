using OnnxStream.Interop.Cli;
using OnnxStream.Interop.Cli.Tensors;

namespace OnnxStream.Interop.Benchmarks.Comparisons;

/// <summary>Seeded inputs for the networks, as in use: tokens from the whole vocabulary, latents and states standard normal.</summary>
internal static class SampleInputs
{
    private const int Seed = 1;
    private const float Timestep = 500;

    // Tokens are below this: the vocabulary, or all of a smaller one that is asked for.
    private const int VocabularySize = 49408;

    /// <summary>The inputs of a model.</summary>
    /// <param name="model">The model, whose inputs have fixed shapes.</param>
    /// <param name="vocabularySize">The number of tokens there are.</param>
    public static Dictionary<string, TensorBuffer> Create(Model model, int vocabularySize = VocabularySize)
    {
        Dictionary<string, TensorBuffer> inputs = new InputTensors(model, [], new Dictionary<string, long>(), Seed, PictureOptions.Default).Create(_ => { })
            .ToDictionary(input => input.Key, input => (TensorBuffer)input.Value);
        if (inputs.TryGetValue("timestep", out TensorBuffer? timestep))
        {
            timestep.Span<float>().Fill(Timestep);
        }

        if (inputs.TryGetValue("input_ids", out TensorBuffer? ids))
        {
            Random random = new(Seed);
            foreach (ref long id in ids.Span<long>())
            {
                id = random.Next(vocabularySize);
            }
        }

        return inputs;
    }

    /// <summary>Writes inputs as <c>.npy</c> files.</summary>
    /// <returns>The file of each input.</returns>
    public static Dictionary<string, string> Save(IReadOnlyDictionary<string, TensorBuffer> inputs, string folder)
    {
        Dictionary<string, string> files = [];
        foreach (((string name, TensorBuffer tensor), string file) in inputs.Zip(FileNames.For(inputs.Keys, ".npy")))
        {
            files.Add(name, Path.Combine(folder, file));
            NpyFile.Save(files[name], tensor);
        }

        return files;
    }
}
