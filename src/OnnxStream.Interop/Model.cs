using OnnxStream.Interop.Gguf;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Sessions;
using OnnxStream.Interop.Tensors;
using OnnxStream.Interop.Text;
using OnnxStream.Interop.Weights;

namespace OnnxStream.Interop;

/// <summary>A graph and the places of its weights, read from an ONNX file, a GGUF file or an OnnxStream folder. Holds no weights.</summary>
public sealed class Model
{
    internal Model(ModelContent content)
    {
        Content = content;
        Inputs = [.. content.Graph.Inputs.Select(Metadata)];
        OptionalInputs = [.. content.Graph.OptionalInputs.Select(Metadata)];
        Outputs = [.. content.Graph.Outputs.Select(Metadata)];
    }

    /// <summary>The file or folder, as an absolute path; of a model that was loaded from <see cref="ModelFiles"/>, the id of its source or of its folder.</summary>
    public string Path => Content.Path;

    /// <summary><c>ONNX</c>, <c>GGUF</c> or <c>OnnxStream</c>.</summary>
    public string Format => Content.Format;

    /// <summary>The version of each operator domain that the model imports; ONNX's own domain is the empty string.</summary>
    public IReadOnlyDictionary<string, long> OperatorSets => Content.OperatorSets;

    /// <summary>What a run must be given.</summary>
    public IReadOnlyList<ValueMetadata> Inputs { get; }

    /// <summary>What a run may be given besides: inputs with a default value (<see cref="ValueMetadata.HasDefault"/>), which holds where they are not given.</summary>
    /// <remarks>In ONNX files they are initializers that are also listed as inputs. Before IR version 4 all initializers were, and are weights.</remarks>
    public IReadOnlyList<ValueMetadata> OptionalInputs { get; }

    /// <summary>What a run returns.</summary>
    public IReadOnlyList<ValueMetadata> Outputs { get; }

    /// <summary>What was read.</summary>
    internal ModelContent Content { get; }

    /// <summary>The graph.</summary>
    internal Graph Graph => Content.Graph;

    /// <summary>Reads a model: an <c>.onnx</c> file, a <c>.gguf</c> file with a language model of a family that is known, an OnnxStream folder, or the <c>model.txt</c> in one.</summary>
    /// <exception cref="FileNotFoundException">There is no such file or folder.</exception>
    /// <exception cref="ModelFormatException">It is damaged, or not a model.</exception>
    /// <exception cref="WeightsException">A file that the model names cannot be read.</exception>
    public static Model Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        path = System.IO.Path.GetFullPath(path);
        if (Directory.Exists(path))
        {
            string text = System.IO.Path.Combine(path, OnnxStreamReader.FileName);
            string onnx = System.IO.Path.Combine(path, "model.onnx");
            return new Model(
                File.Exists(text) ? OnnxStreamReader.Read(ModelEntry.OfFile(text, followsLinks: true)) :
                File.Exists(onnx) ? OnnxReader.Read(ModelEntry.OfFile(onnx)) :
                throw new ModelFormatException(path, $"the folder holds neither {OnnxStreamReader.FileName} nor model.onnx.{ForeignFolder.Sentence(path)}"));
        }

        if (!File.Exists(path))
        {
            throw new FileNotFoundException($"There is no model '{path}'.", path);
        }

        return new Model(Read(ModelEntry.OfFile(path, followsLinks: System.IO.Path.GetFileName(path) == OnnxStreamReader.FileName)));
    }

    /// <summary>Reads a model from an archive, or from storage of your own: the file itself and all that it names.</summary>
    /// <param name="files">Where they are. It must stay usable as long as the model and its sessions are used, and is the caller's to dispose.</param>
    /// <param name="name">The <c>.onnx</c> or <c>.gguf</c> file, or the <c>model.txt</c> of an OnnxStream folder. Files that it names are looked for in the folder that it is in.</param>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="ModelFormatException">It is damaged, or not a model.</exception>
    /// <exception cref="WeightsException">It, or a file that it names, cannot be read.</exception>
    public static Model Load(ModelFiles files, string name)
    {
        ArgumentNullException.ThrowIfNull(files);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ModelEntry entry = ModelEntry.TryOpen(files, name) ?? throw new FileNotFoundException($"There is no model '{name}' in '{files.Id}'.", name);
        return new Model(Read(entry));
    }

    /// <summary>Counts the model's operators, parameters and floating-point operations. That works for models, too, that cannot run.</summary>
    public ModelSummary Summarize() => Examine(() => GraphStatistics.Summarize(Graph));

    /// <summary>Finds the inputs whose integers pick entries of a tensor: tokens of a vocabulary, positions, classes.</summary>
    /// <returns>
    /// By the name of the input, how many entries there are: valid elements are 0 up to one less. 1 where it is not known before a run. Inputs that are
    /// computed with before they pick anything are left out.
    /// </returns>
    public IReadOnlyDictionary<string, long> FindIndexInputs() => IndexInputs.Find(Graph);

    /// <summary>The weights of the model: all tensors that are the same in every run and not quantized, with the nodes that read them. Nothing is read.</summary>
    public IReadOnlyList<ModelWeight> FindWeights() => new ReplacedWeights(Content).Find();

    /// <summary>A model of the same graph with other weights in the place of some, such as those of a checkpoint, or its own with something added.</summary>
    /// <param name="replacements">What takes the place of which weight, by names of <see cref="FindWeights"/>. Sources must stay usable as long as the model and its sessions are used.</param>
    /// <returns>The model. Nothing of it is read before it is needed, but what is smaller than a kilobyte.</returns>
    /// <exception cref="ArgumentException">There is no such weight, or it cannot be replaced by that.</exception>
    /// <exception cref="WeightsException">A source is too short, or cannot be read.</exception>
    public Model WithWeights(IReadOnlyDictionary<string, WeightReplacement> replacements)
    {
        ArgumentNullException.ThrowIfNull(replacements);
        return new Model(new ReplacedWeights(Content).With(replacements));
    }

    /// <summary>A model in which some inputs always are the same, and are no inputs any more: <c>use_cache_branch</c> of a decoder, for example.</summary>
    /// <remarks>What follows from them is computed when the model is planned, not in every run; an If that they decide becomes one of its branches.</remarks>
    /// <param name="inputs">The tensors, by names of <see cref="Inputs"/> or <see cref="OptionalInputs"/>. They are copied.</param>
    /// <exception cref="InvalidInputException">There is no such input, or it is a sequence, or of another type or shape than the model declares.</exception>
    public Model WithFixedInputs(IReadOnlyDictionary<string, TensorBuffer> inputs)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        ValueMetadata[] declared = [.. Inputs.Where(input => inputs.ContainsKey(input.Name))];
        ValueMetadata[] others = [.. Inputs.Except(declared), .. OptionalInputs];
        InputChecker.Check(declared, others, inputs.ToDictionary(pair => pair.Key, OnnxValue (pair) => pair.Value));
        return new Model(FixedInputs.In(Content, inputs.ToDictionary(pair => pair.Key, pair => Constant.FromData(pair.Value.Type, pair.Value.Bytes.ToArray()))));
    }

    /// <summary>Finds where the model puts what deep layers made beside what they made it from, in the order of its nodes; the last one stands behind most of it.</summary>
    public IReadOnlyList<SkipConnection> FindSkipConnections() => new GivenValues(Content).FindSkipConnections();

    /// <summary>A model that is given values which this one computes: the part behind them. A session of this model returns them (<see cref="SessionOptions.AdditionalOutputs"/>).</summary>
    /// <param name="values">Names of values in the middle of the model, such as <see cref="SkipConnection.Deep"/>. They become inputs of any shape behind those that there are, which stay, whether anything still needs them or not.</param>
    /// <exception cref="ArgumentException">The model makes no such value.</exception>
    public Model WithInputs(params IReadOnlyCollection<string> values)
    {
        ArgumentNullException.ThrowIfNull(values);
        return new Model(new GivenValues(Content).With(values));
    }

    /// <summary>Writes the model as an ONNX file; weights larger than a kilobyte go into one file beside it (<c>NAME.data</c>).</summary>
    /// <param name="path">The file to write. It appears only when it is complete.</param>
    /// <exception cref="IOException">It cannot be written.</exception>
    public void SaveOnnx(string path) => OnnxWriter.Write(Content, path);

    /// <summary>Writes the model as an OnnxStream folder: <c>model.txt</c> and one <c>.bin</c> file for each weight.</summary>
    /// <remarks>
    /// Constants and shape arithmetic are computed first where the model leaves no dimension open. Inputs and outputs keep their
    /// names; integers keep their type at inputs (the original takes int64), inputs with a default value become that, half precision becomes single precision, and an input that
    /// nothing depends on is left out. The original runs the result as far as it knows the operators.
    /// </remarks>
    /// <param name="folder">The folder to make. It must not exist or be empty. It appears only when it is complete.</param>
    /// <param name="halfPrecisionWeights">
    /// Whether single-precision weights larger than a kilobyte are stored in half precision (half the size, three digits less);
    /// those with numbers too large for it stay as they are.
    /// </param>
    /// <exception cref="IOException">It cannot be written, or is not empty.</exception>
    /// <exception cref="InvalidGraphException">The graph contradicts itself.</exception>
    /// <exception cref="UnsupportedOperatorException">The model has something that the format cannot express; all of it is listed.</exception>
    public void SaveOnnxStream(string folder, bool halfPrecisionWeights = false) => Examine(() =>
    {
        OnnxStreamWriter.Write(ShapeSurvey.Survey(Graph), folder, halfPrecisionWeights);
        return true;
    });

    /// <summary>Does something with the graph. What turns out to be wrong with it is reported with the file that it came from.</summary>
    internal T Examine<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (InvalidGraphException exception)
        {
            throw new InvalidGraphException($"{Path}: {exception.Message}", exception);
        }
        catch (UnsupportedOperatorException exception)
        {
            throw new UnsupportedOperatorException($"{Path}: {exception.Message}", exception);
        }
        catch (InvalidInputException exception)
        {
            throw new InvalidInputException($"{Path}: {exception.Message}", exception);
        }
    }

    private static ModelContent Read(ModelEntry entry) =>
        entry.Name == OnnxStreamReader.FileName ? OnnxStreamReader.Read(entry) : GgufFile.IsName(entry.Name) ? GgufReader.Read(entry) : OnnxReader.Read(entry);

    private static ValueMetadata Metadata(Value value) =>
        value.Declared ?? new ValueMetadata(value.Name, value.Type?.ElementType ?? ElementType.Undefined, null);
}
