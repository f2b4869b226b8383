namespace OnnxStream.Interop.Cli.Tensors;

/// <summary>Samples of what a model will be given, in files and folders.</summary>
/// <remarks>
/// A <c>.npz</c> file is a sample: a tensor for each input, by name. So is a folder with a <c>.npy</c> or <c>.pb</c> file for each input, named for it (<c>NAME.npy</c>, with <c>_</c> for characters that are unsafe in file names)
/// or for its number, as in ONNX's test data (<c>input_0.pb</c>). A folder of samples has these in it. For a model with one input, any <c>.npy</c> or <c>.pb</c> file is a sample. Samples are taken in the order of their names.
/// </remarks>
internal sealed class SampleFiles
{
    private readonly Model _model;
    private readonly List<Sample> _samples = [];

    private SampleFiles(Model model) => _model = model;

    /// <summary>How many samples there are.</summary>
    public int Count => _samples.Count;

    /// <summary>Finds samples; no tensor is read yet.</summary>
    /// <param name="model">The model.</param>
    /// <param name="paths">Files and folders.</param>
    /// <exception cref="FileNotFoundException">There is nothing at a path.</exception>
    /// <exception cref="UsageException">A path holds no sample of the model.</exception>
    public static SampleFiles Find(Model model, IReadOnlyList<string> paths)
    {
        SampleFiles samples = new(model);
        foreach (string path in paths)
        {
            int before = samples.Count;
            samples.Add(path);
            if (samples.Count == before)
            {
                throw new UsageException($"--inputs {path}: it holds no sample for the model, whose inputs are {samples.Inputs}. A sample is a .npz file, or a folder with a .npy or .pb file named for each input{(model.Inputs.Count == 1 ? ", or one such file of any name" : "")}.");
            }
        }

        return samples;
    }

    /// <summary>Reads the samples, one after the other.</summary>
    /// <param name="most">The most samples to read.</param>
    /// <exception cref="UsageException">A sample lacks an input.</exception>
    /// <exception cref="ModelFormatException">A file is not what its name says.</exception>
    public IEnumerable<IReadOnlyDictionary<string, OnnxValue>> Read(int most) => _samples.Take(most).Select(Load);

    private string Inputs => string.Join("; ", _model.Inputs);

    private void Add(string path)
    {
        if (File.Exists(path))
        {
            AddFile(path);
            return;
        }

        if (!Directory.Exists(path))
        {
            throw new FileNotFoundException($"--inputs {path}: no such file or folder.", path);
        }

        string[] tensors = [.. Directory.EnumerateFiles(path).Where(IsTensor).Order(StringComparer.Ordinal)];
        Dictionary<string, string> named = Named(tensors);
        if (named.Count > 0)
        {
            // Results lie beside the inputs in ONNX's test data.
            _samples.Add(new Sample(path, named));
        }
        else if (_model.Inputs.Count == 1)
        {
            foreach (string tensor in tensors)
            {
                AddFile(tensor);
            }
        }

        foreach (string archive in Directory.EnumerateFiles(path).Where(IsArchive).Order(StringComparer.Ordinal))
        {
            AddFile(archive);
        }

        foreach (string folder in Directory.EnumerateDirectories(path).Order(StringComparer.Ordinal))
        {
            Dictionary<string, string> inner = Named([.. Directory.EnumerateFiles(folder).Where(IsTensor).Order(StringComparer.Ordinal)]);
            if (inner.Count > 0)
            {
                _samples.Add(new Sample(folder, inner));
            }
        }
    }

    private void AddFile(string path)
    {
        if (IsArchive(path))
        {
            _samples.Add(new Sample(path, null));
        }
        else if (IsTensor(path) && _model.Inputs.Count == 1)
        {
            _samples.Add(new Sample(path, new() { [_model.Inputs[0].Name] = path }));
        }
    }

    // The files that are named for inputs, by the names of these.
    private Dictionary<string, string> Named(string[] files)
    {
        ValueMetadata[] inputs = [.. _model.Inputs, .. _model.OptionalInputs];
        IReadOnlyList<string> safe = FileNames.For(inputs.Select(input => input.Name), "");
        Dictionary<string, string> named = [];
        foreach (string file in files)
        {
            string stem = Path.GetFileNameWithoutExtension(file);
            int index = Array.FindIndex(inputs, input => input.Name == stem);
            index = index >= 0 ? index : Enumerable.Range(0, safe.Count).FirstOrDefault(i => safe[i] == stem, -1);
            index = index >= 0 ? index : Enumerable.Range(0, inputs.Length).FirstOrDefault(i => stem == $"input_{i}", -1);
            if (index >= 0 && !named.TryAdd(inputs[index].Name, file))
            {
                throw new UsageException($"{file}: the input '{inputs[index].Name}' has two files, the other is {named[inputs[index].Name]}.");
            }
        }

        return named;
    }

    private Dictionary<string, OnnxValue> Load(Sample sample)
    {
        Dictionary<string, OnnxValue> values = [];
        if (sample.Files is { } files)
        {
            foreach ((string name, string file) in files)
            {
                values.Add(name, TensorFile.Load(file, _model.Inputs.Concat(_model.OptionalInputs).First(input => input.Name == name).ElementType));
            }
        }
        else
        {
            foreach ((string name, TensorBuffer tensor) in NpzFile.Load(sample.Path))
            {
                values.Add(_model.Inputs.Concat(_model.OptionalInputs).Any(input => input.Name == name) ? name : throw new UsageException($"{sample.Path}: the model has no input '{name}'; it has: {Inputs}."), tensor);
            }
        }

        return _model.Inputs.FirstOrDefault(input => !input.IsOptional && !values.ContainsKey(input.Name)) is { } missing
            ? throw new UsageException($"{sample.Path}: the sample lacks the input '{missing}'; it has {string.Join(", ", values.Keys)}.") : values;
    }

    private static bool IsTensor(string path) => Path.GetExtension(path).ToLowerInvariant() is ".npy" or ".pb";

    private static bool IsArchive(string path) => Path.GetExtension(path).Equals(".npz", StringComparison.OrdinalIgnoreCase);

    // Null for an archive, which says by itself what it holds.
    private sealed record Sample(string Path, Dictionary<string, string>? Files);
}
