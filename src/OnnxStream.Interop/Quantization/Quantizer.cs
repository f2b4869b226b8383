using System.Globalization;
using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Onnx;
using OnnxStream.Interop.Panels;
using OnnxStream.Interop.Quantization;
using OnnxStream.Interop.Sessions;
using OnnxStream.Interop.Text;

namespace OnnxStream.Interop;

/// <summary>Writes a model with weights, and activations where ranges are given, in fewer bits.</summary>
/// <remarks>
/// <para>
/// Weights are read three times: for their scales, for the error if it is asked for, and when they are written. None is in memory as a whole, and nothing is written before all is known.
/// 8 bits have a scale for each output channel, and 4 bits one for each block of 32, with the least sum of the squares of the errors.
/// </para>
/// <para>
/// ONNX files have QuantizeLinear and DequantizeLinear around layers, and MatMulNBits for 4 bits: ONNX Runtime and this library run them. OnnxStream folders have a scale and a zero point for
/// each weight: the original and this library run them.
/// </para>
/// <para>Layers are Conv, ConvTranspose, MatMul and Gemm with a constant weight of single precision that is larger than a kilobyte.</para>
/// </remarks>
public sealed class Quantizer
{
    // A model of that many layers and one more is divided down to single ones.
    private const int MostDivisions = 24;

    // What 8 bits take from numbers that are spread evenly over their range: the square of a step to that of all steps.
    private const double EvenLoss = 1.0 / (255 * 255);

    private readonly SessionOptions _options;

    /// <summary>Prepares a quantization.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">How to compute where the error is measured: budget, threads and weights provider.</param>
    public Quantizer(Model model, SessionOptions options)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        Model = model;
        _options = options;
    }

    /// <summary>The model.</summary>
    public Model Model { get; }

    /// <summary>What has fewer bits; <see cref="QuantizationScheme.Weights8"/> unless told otherwise.</summary>
    public QuantizationScheme Scheme { get; init; } = QuantizationScheme.Weights8;

    /// <summary>The ranges of activations, which <see cref="QuantizationScheme.Weights8Activations8"/> needs.</summary>
    public RangeTable? Ranges { get; init; }

    /// <summary>Whether results of convolutions are rounded to 8 bits, too, which makes them small and quick, and loses more. So it is unless told otherwise.</summary>
    public bool QuantizesResults { get; init; } = true;

    /// <summary>Whether tables of which rows are taken (embeddings) count as layers.</summary>
    public bool QuantizesEmbeddings { get; init; }

    /// <summary>What the error is measured on: a tensor or a sequence for every input, by name, as in a run; null for no measurement.</summary>
    public IReadOnlyDictionary<string, OnnxValue>? Inputs { get; init; }

    /// <summary>
    /// The largest error of the outputs that is allowed, more than 0 and less than 1, as a part of their root mean square; null for any. The layers that add most to it have their data left
    /// out, are given more bits, or are left out, until it is met. <see cref="Inputs"/> are needed.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not.</exception>
    public double? TargetError
    {
        get;
        init => field = value is null or (> 0 and < 1) ? value : throw new ArgumentOutOfRangeException(nameof(value), value, "A target error is more than 0 and less than 1: a part of the outputs' root mean square.");
    }

    /// <summary>Writes an ONNX file; weights larger than a kilobyte go into one file beside it (<c>NAME.data</c>).</summary>
    /// <param name="path">The file to write. It appears only when it is complete.</param>
    /// <param name="progress">Receives reports, from any thread; null for none.</param>
    /// <param name="cancellationToken">Stops the work. Nothing of it is left.</param>
    /// <returns>What became of each layer.</returns>
    /// <exception cref="InvalidOperationException">Ranges or inputs are missing that are needed.</exception>
    /// <exception cref="UnsupportedOperatorException">The model has no layer that could have fewer bits.</exception>
    /// <exception cref="TargetErrorException">The target cannot be met.</exception>
    /// <exception cref="InvalidInputException">The outputs have no floating-point numbers to compare, or an input is not what the model declares.</exception>
    /// <exception cref="MemoryBudgetException">A run does not fit into the budget.</exception>
    /// <exception cref="WeightsException">A weight could not be read.</exception>
    /// <exception cref="IOException">The file cannot be written.</exception>
    /// <exception cref="OperationCanceledException">The quantization was cancelled.</exception>
    public QuantizationReport SaveOnnx(string path, IProgress<QuantizationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return new Work(this, isFolder: false, progress, cancellationToken).SaveOnnx(path);
    }

    /// <summary>Writes an OnnxStream folder, with a <c>range_data.txt</c> where activations are to have 8 bits.</summary>
    /// <remarks>
    /// The error is measured with the weights in 8 bits and activations in single precision: that is how this library runs such folders.
    /// For activations of 8 bits the original needs ranges of all operators (<see cref="Calibration.HasOperatorResults"/>) under the names of the folder's nodes: calibrate the folder that <see cref="Model.SaveOnnxStream"/> writes.
    /// </remarks>
    /// <param name="folder">The folder to make. It must not exist or be empty. It appears only when it is complete.</param>
    /// <param name="progress">Receives reports, from any thread; null for none.</param>
    /// <param name="cancellationToken">Stops the work. Nothing of it is left.</param>
    /// <inheritdoc cref="SaveOnnx" path="/returns"/>
    /// <inheritdoc cref="SaveOnnx" path="/exception"/>
    public QuantizationReport SaveOnnxStream(string folder, IProgress<QuantizationProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (Scheme == QuantizationScheme.Weights4)
        {
            throw new InvalidOperationException("OnnxStream folders have no weights of 4 bits. Write an ONNX file, or choose 8 bits.");
        }

        return new Work(this, isFolder: true, progress, cancellationToken).SaveOnnxStream(folder);
    }

    private sealed class Work
    {
        // Of weights that are read to find scales.
        private const long BandBytes = 8 << 20;

        private readonly Quantizer _quantizer;
        private readonly bool _isFolder;
        private readonly IProgress<QuantizationProgress>? _progress;
        private readonly CancellationToken _cancellationToken;
        private readonly QuantizationWork _work;
        private readonly List<LayerGroup> _groups;
        private readonly Dictionary<Value, List<Node>> _consumers;
        private float[] _rows = [];

        public Work(Quantizer quantizer, bool isFolder, IProgress<QuantizationProgress>? progress, CancellationToken cancellationToken)
        {
            _quantizer = quantizer;
            _isFolder = isFolder;
            _progress = progress;
            _cancellationToken = cancellationToken;
            _work = new QuantizationWork(cancellationToken);
            _groups = LayerGroup.Find(quantizer.Model.Graph, quantizer.QuantizesEmbeddings);
            _consumers = quantizer.Model.Graph.Consumers();
        }

        private bool HasRanges => _quantizer.Scheme == QuantizationScheme.Weights8Activations8;

        public QuantizationReport SaveOnnx(string path) => Run((formats, write) =>
        {
            ModelContent content = QuantizedGraph.Make(_quantizer.Model.Content, _groups, formats, _quantizer.Ranges, _quantizer.QuantizesResults, _work);
            if (write)
            {
                OnnxWriter.Write(content, path);
            }

            return content;
        });

        public QuantizationReport SaveOnnxStream(string folder) => Run((formats, write) =>
        {
            FolderGraph rounding = new(_groups, formats, HasRanges, _work);
            if (write)
            {
                WriteFolder(rounding, folder);
            }

            Graph copy = GraphCopy.Of(_quantizer.Model.Graph).Graph;
            rounding.Apply(copy);
            return _quantizer.Model.Content with { Graph = copy };
        });

        private QuantizationReport Run(Func<IReadOnlyList<LayerFormat>, bool, ModelContent> make)
        {
            Check();
            try
            {
                FindScales();
                (LayerFormat[] formats, double? error, double[]? added) = Choose(formats => make(formats, false));
                long bytes = _groups.Select((group, i) => formats[i] == LayerFormat.Float ? 0 : group.Bytes(formats[i])).Sum();
                _work.Reset();
                _work.Progress = done => _progress?.Report(new QuantizationProgress(QuantizationStage.Writing, Math.Min(1, done / (double)Math.Max(1, bytes))));
                _cancellationToken.ThrowIfCancellationRequested();
                make(formats, true);
                return new QuantizationReport([.. _groups.Select((group, i) => Report(group, formats[i], added?[i]))], error);
            }
            catch (WeightsException exception) when (_cancellationToken.IsCancellationRequested)
            {
                // Whoever reads a weight tells what its source threw in words of its own.
                throw new OperationCanceledException("The quantization was cancelled.", exception, _cancellationToken);
            }
        }

        private void Check()
        {
            if (HasRanges && _quantizer.Ranges is null)
            {
                throw new InvalidOperationException($"Activations of 8 bits need {nameof(Ranges)}, which {nameof(Calibration)} finds.");
            }

            if (_quantizer.TargetError is not null && _quantizer.Inputs is null)
            {
                throw new InvalidOperationException($"A {nameof(TargetError)} needs {nameof(Inputs)} to measure the error on.");
            }

            if (_quantizer.Ranges?.ModelIdentity is { } made && HasRanges && made != ModelIdentity.Of(_quantizer.Model.Graph))
            {
                throw new InvalidInputException($"{_quantizer.Model.Path}: the ranges were found for another model: names, shapes or weights differ. {nameof(Calibration)} finds those of this one.");
            }

            if (_groups.Count == 0)
            {
                throw new UnsupportedOperatorException($"{_quantizer.Model.Path}: no layer could have fewer bits: expected Conv, ConvTranspose, MatMul or Gemm with a constant weight of float32 that is larger than a kilobyte.");
            }
        }

        // One pass over the weights.
        private void FindScales()
        {
            long all = _groups.Sum(group => group.Numbers.Count);
            long done = 0;
            foreach (LayerGroup group in _groups)
            {
                _cancellationToken.ThrowIfCancellationRequested();
                _progress?.Report(new QuantizationProgress(QuantizationStage.Weights, (double)done / all));
                if (_isFolder)
                {
                    (AffineScale Scale, SquaredLoss Loss)? found = FolderGraph.FindScale(group.Numbers);
                    group.TensorScale = found?.Scale;
                    group.Loss8 = found?.Loss ?? SquaredLoss.None;
                    group.Obstacle = found is null ? "a weight is not finite" : null;
                }
                else
                {
                    FindChannelScales(group);
                }

                FindDataLoss(group);
                done += group.Numbers.Count;
            }
        }

        private void FindChannelScales(LayerGroup group)
        {
            WeightLayout layout = group.Layout;
            int perChannel = checked((int)layout.PerChannel);
            int band = (int)Math.Clamp(BandBytes / (perChannel * sizeof(float)), 1, layout.Channels);
            if (_rows.Length < checked(band * perChannel))
            {
                _rows = new float[band * perChannel];
            }

            float[] rows = _rows;
            sbyte[] integers = new sbyte[perChannel];
            float[] scales = new float[layout.Channels];
            SquaredLoss loss = SquaredLoss.None;
            for (long first = 0; first < layout.Channels; first += band)
            {
                _cancellationToken.ThrowIfCancellationRequested();
                int count = (int)Math.Min(band, layout.Channels - first);
                group.Numbers.ReadChannels(layout, first, count, rows, perChannel);
                for (int channel = 0; channel < count; channel++)
                {
                    ReadOnlySpan<float> row = rows.AsSpan(channel * perChannel, perChannel);
                    float scale = ChannelQuantizer.Quantize(row, integers);
                    if (!float.IsFinite(scale))
                    {
                        group.Obstacle = "a weight is not finite";
                        return;
                    }

                    scales[first + channel] = scale;
                    loss += Loss(row, integers, scale);
                }
            }

            group.Scales = scales;
            group.Loss8 = loss;
            if (_quantizer.Scheme == QuantizationScheme.Weights4 && group.Layers.All(layer => layer.TakesBlocks))
            {
                group.Blocks = new BlockedWeight(group.Numbers, layout);
                for (long first = 0; first < layout.Channels;)
                {
                    _cancellationToken.ThrowIfCancellationRequested();
                    group.Loss4 += group.Blocks.Loss(first, out int count);
                    first += count;
                }
            }
        }

        private static SquaredLoss Loss(ReadOnlySpan<float> row, ReadOnlySpan<sbyte> integers, float scale)
        {
            double lost = 0;
            double whole = 0;
            for (int i = 0; i < row.Length; i++)
            {
                double difference = row[i] - (double)scale * integers[i];
                lost += difference * difference;
                whole += (double)row[i] * row[i];
            }

            return new SquaredLoss(lost, whole);
        }

        // Of a range of which nothing is known but its ends, numbers are taken as spread evenly over it.
        private void FindDataLoss(LayerGroup group)
        {
            if (!HasRanges || _isFolder || !group.Layers.All(layer => layer.TakesData8))
            {
                return;
            }

            double worst = 0;
            foreach (WeightedLayer layer in group.Layers)
            {
                if (ValueRanges.Find(_quantizer.Ranges, layer.Node.Inputs[0]!) is not { } range)
                {
                    return;
                }

                double loss = range.Loss ?? EvenLoss;
                if (_quantizer.QuantizesResults && layer.Node.OperatorType == "Conv" && LayerResults.Of(_quantizer.Model.Graph, _consumers, layer.Node) is { } made && ValueRanges.Find(_quantizer.Ranges, made) is { } result)
                {
                    loss += result.Loss ?? EvenLoss;
                }

                worst = Math.Max(worst, loss);
            }

            group.DataLoss = worst;
        }

        // What a group can become, from the most exact on.
        private LayerFormat[] FormatsOf(LayerGroup group) =>
            group.Obstacle is not null ? [LayerFormat.Float] :
            HasRanges && !_isFolder && group.DataLoss is not null ? [LayerFormat.Float, LayerFormat.Weight8, LayerFormat.Weight8Data8] :
            group.Blocks is not null ? [LayerFormat.Float, LayerFormat.Weight8, LayerFormat.Weight4] :
            [LayerFormat.Float, LayerFormat.Weight8];

        // Bytes; of formats that have as many, the quicker one comes first.
        private static long Cost(LayerGroup group, LayerFormat format) => group.Bytes(format) + (format == LayerFormat.Weight8 && group.DataLoss is not null ? 1 : 0);

        private (LayerFormat[] Formats, double? Error, double[]? Added) Choose(Func<LayerFormat[], ModelContent> make)
        {
            LayerFormat[][] possible = [.. _groups.Select(FormatsOf)];
            int[] smallest = [.. possible.Select(formats => formats.Length - 1)];
            if (_quantizer.Inputs is null)
            {
                return (Of(smallest), null, null);
            }

            int divisions = Math.Min(MostDivisions, Math.Max(0, _groups.Count - 1));
            int mostRuns = _quantizer.TargetError is null ? 2 : 3 + FormatSelection.MostMeasurements(divisions);
            int runs = 0;
            double least = double.PositiveInfinity;
            IReadOnlyDictionary<string, OnnxValue> expected = Run(_quantizer.Model);
            if (!expected.Values.Any(OutputError.IsComparable))
            {
                throw new InvalidInputException($"{_quantizer.Model.Path}: no output has floating-point elements, so there is no error that could be measured.");
            }

            double error = Measure(smallest);
            if (_quantizer.TargetError is not { } target || error <= target)
            {
                return (Of(smallest), error, null);
            }

            // Layers that have no other format are as exact as can be, and tell nothing.
            List<FormatOption>[] options = [.. _groups.Select((group, i) => possible[i].Select(format => new FormatOption(TypeOf(group, format), Cost(group, format), Math.Clamp(group.Loss(format), format == LayerFormat.Float ? 0 : 1e-12, 1))).ToList())];
            List<(int[] Choice, double Error)> measured = [(smallest, error)];
            int[] middle = [.. possible.Select(formats => Math.Min(1, formats.Length - 1))];
            if (!middle.SequenceEqual(smallest))
            {
                measured.Add((middle, Measure(middle)));
            }

            (int[] chosen, double chosenError, double[] added) = new FormatSelection(options, measured, 0, target, Measure, divisions).Select();
            if (Array.TrueForAll(Of(chosen), format => format == LayerFormat.Float))
            {
                throw new TargetErrorException(target, least, string.Create(CultureInfo.InvariantCulture,
                    $"{_quantizer.Model.Path}: an error of {target} cannot be reached with {_quantizer.Scheme}, whatever layers are left out: the best is {least:0.0000000}. Allow a larger error, or another scheme."));
            }

            return (Of(chosen), chosenError, added);

            LayerFormat[] Of(int[] choice) => [.. choice.Select((option, i) => possible[i][option])];

            double Measure(int[] choice)
            {
                double found = OutputError.Of(expected, Run(new Model(make(Of(choice)))));
                least = Math.Min(least, double.IsFinite(found) ? found : double.PositiveInfinity);
                return found;
            }

            IReadOnlyDictionary<string, OnnxValue> Run(Model model)
            {
                _cancellationToken.ThrowIfCancellationRequested();
                _progress?.Report(new QuantizationProgress(QuantizationStage.Measuring, (double)runs++ / mostRuns));
                using InferenceSession session = new(model, _quantizer._options with { PlanOnly = false, PanelStore = PanelStoreOptions.Off, ActivationElementType = ElementType.Float32, StateBindings = [], AdditionalOutputs = [] });
                return session.Run(_quantizer.Inputs!, null, _cancellationToken).Values;
            }
        }

        private void WriteFolder(FolderGraph rounding, string folder)
        {
            folder = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder));
            Graph surveyed = _quantizer.Model.Examine(() => ShapeSurvey.Survey(_quantizer.Model.Graph));
            rounding.Apply(surveyed);
            if (!HasRanges)
            {
                OnnxStreamWriter.Write(surveyed, folder, halfPrecision: false);
                return;
            }

            // Ranges have the names of the nodes that were written.
            if (File.Exists(folder) || (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any()))
            {
                throw new IOException($"'{folder}' exists and is not an empty folder. Choose another one, or delete it first.");
            }

            string partial = $"{folder}.{Path.GetRandomFileName()}.partial";
            using UnfinishedPath unfinished = new(partial);
            OnnxStreamWriter.Write(surveyed, partial, halfPrecision: false);
            Model written = Model.Load(partial);
            IReadOnlyList<Node> missing = OnnxStreamRanges.Missing(_quantizer.Ranges!, ShapeSurvey.Survey(written.Graph));
            if (missing.Count > 0)
            {
                throw new InvalidInputException($"{_quantizer.Model.Path}: the original computes with a range for each sum, product, normalization and sigmoid, and the table has none for {missing.Count:N0} of them, such as {missing[0]}. Convert the model to an OnnxStream folder first, and calibrate and quantize that folder.");
            }

            File.WriteAllBytes(Path.Combine(partial, OnnxStreamRanges.FileName), OnnxStreamRanges.Write(_quantizer.Ranges!, written));
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder);
            }

            Directory.Move(partial, folder);
        }

        private ElementType TypeOf(LayerGroup group, LayerFormat format) => format switch
        {
            LayerFormat.Float => group.Weight.Constant!.StoredType,
            LayerFormat.Weight4 => ElementType.Int4,
            _ => _isFolder ? ElementType.UInt8 : ElementType.Int8,
        };

        private QuantizedLayer Report(LayerGroup group, LayerFormat format, double? added)
        {
            Node node = group.Layers[0].Node;
            LayerFormat full = FormatsOf(group)[^1];
            string? reason = group.Obstacle ??
                (format != full ? "the target error" :
                HasRanges && !_isFolder && format == LayerFormat.Weight8 ? group.Layers.All(layer => layer.TakesData8) ? "no range is known" : "8-bit data do not compute it" :
                _quantizer.Scheme == QuantizationScheme.Weights4 && format == LayerFormat.Weight8 ? "it is no plain matrix" : null);
            return new QuantizedLayer(node.Name.Length > 0 ? node.Name : node.Outputs[0]!.Name, node.OperatorType, group.Weight.Name, TypeOf(group, format), format == LayerFormat.Weight8Data8, group.OriginalBytes, group.Bytes(format))
            {
                WeightSignalToNoise = format == LayerFormat.Float ? null : Decibels((format == LayerFormat.Weight4 ? group.Loss4 : group.Loss8).Relative),
                DataSignalToNoise = format == LayerFormat.Weight8Data8 ? Decibels(group.DataLoss!.Value) : null,
                SignalToNoise = format == LayerFormat.Float ? null : Decibels(group.Loss(format)),
                PredictedError = added is null ? null : Math.Sqrt(added.Value),
                Reason = reason,
            };
        }

        // Nothing lost is as good as can be told.
        private static double Decibels(double loss) => Math.Round(-10 * Math.Log10(Math.Max(loss, 1e-15)), 2);
    }
}
