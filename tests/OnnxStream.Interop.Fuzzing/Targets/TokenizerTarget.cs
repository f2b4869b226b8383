using System.Text;
using OnnxStream.Interop.Diffusion;
using OnnxStream.Interop.Fuzzing.Mutators;

namespace OnnxStream.Interop.Fuzzing.Targets;

/// <summary>The files of a diffusion model beside its networks: vocabulary, merges, the tokenizer's configuration, and the index of the model.</summary>
internal sealed class TokenizerTarget() : FuzzTarget("tokenizer")
{
    private const string IndexFile = "model_index.json";

    private static readonly string[] s_networks = ["text_encoder", "unet", "vae_decoder"];

    private readonly Dictionary<string, string> _files = [];

    /// <inheritdoc/>
    public override void Prepare()
    {
        if (_files.Count > 0)
        {
            return;
        }

        string models = Path.Combine(AppContext.BaseDirectory, "Models");
        _files.Add(IndexFile, File.ReadAllText(Path.Combine(models, IndexFile)));
        _files.Add("tokenizer/vocab.json", File.ReadAllText(Path.Combine(models, "tokenizer", "vocab.json")));
        _files.Add("tokenizer/merges.txt", File.ReadAllText(Path.Combine(models, "tokenizer", "merges.txt")));
        _files.Add("tokenizer/tokenizer_config.json", """
            {"model_max_length": 77, "do_lower_case": true,
            "bos_token": {"content": "<|startoftext|>", "lstrip": false},
            "eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
            """);
        _files.Add("scheduler/scheduler_config.json", """
            {"_class_name": "PNDMScheduler", "beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
            "num_train_timesteps": 1000, "prediction_type": "epsilon", "set_alpha_to_one": false, "steps_offset": 1}
            """);
    }

    /// <inheritdoc/>
    public override void Try(Random random, string folder, CancellationToken cancellationToken)
    {
        // Without an index, a folder has the layout that exporters write.
        bool hasIndex = random.Next(2) == 0;
        string[] names = [.. _files.Keys.Where(name => hasIndex || name != IndexFile)];
        string mutated = random.Pick(names);
        foreach (string name in names)
        {
            string path = Path.Combine(folder, name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            if (name != mutated)
            {
                File.WriteAllText(path, _files[name]);
            }
            else if (random.Next(3) == 0)
            {
                File.WriteAllBytes(path, ByteMutator.Mutate(Encoding.UTF8.GetBytes(_files[name]), random));
            }
            else
            {
                File.WriteAllBytes(path, Encoding.UTF8.GetBytes(TextMutator.Mutate(_files[name], random)));
            }
        }

        foreach (string network in s_networks)
        {
            Directory.CreateDirectory(Path.Combine(folder, network));
            File.WriteAllText(Path.Combine(folder, network, "model.onnx"), "");
        }

        PipelineConfiguration configuration = PipelineConfiguration.FromFolder(folder);
        new ClipTokenizer(configuration.Tokenizer).Encode("a red Circle, and blue square's \U0001F600 12");
        new ClipTokenizer(TokenizerConfiguration.FromFolder(Path.Combine(folder, "tokenizer"))).Encode("two");
    }
}
