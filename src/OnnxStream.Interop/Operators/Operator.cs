using OnnxStream.Interop.Graphs;
using OnnxStream.Interop.Tensors;

namespace OnnxStream.Interop.Operators;

/// <summary>What an operator means: the types of its outputs, and the kernels that compute them.</summary>
/// <remarks>
/// One operator or family per file, in this order: attributes, <see cref="Infer"/>, <see cref="Lower"/>. Operators hold no
/// state; the same instance serves every node and version of the operator.
/// </remarks>
internal abstract class Operator
{
    /// <summary>Constants that are computed while planning are at most as large, in bytes: what is larger stays a computation, because memory is worth more than time.</summary>
    public const long FoldLimitBytes = 64 << 10;

    /// <summary>Whether nodes are steps of a plan, or made of such. Otherwise a session cuts its graph there and runs them itself.</summary>
    public virtual bool IsStep => true;

    /// <summary>Whether equal inputs always give equal outputs, so that the node may be computed once when all inputs are constant.</summary>
    public virtual bool IsDeterministic => true;

    /// <summary>Whether the first output can take the memory of the first input where nobody else reads that later.</summary>
    /// <remarks>Decides about the order of nodes; whether a step does work in place is decided with its kernel.</remarks>
    public virtual bool CanOverwriteInput => false;

    /// <summary>Whether this input, single precision by its type, may be stored in another format: the kernel expands it while it computes.</summary>
    public virtual bool CanReadStored(Node node, int input, RowFormat format) => false;

    /// <summary>Whether the first output, single precision by its type, may be stored in another format: the kernel rounds it.</summary>
    public virtual bool CanWriteStored(Node node, RowFormat format) => false;

    /// <summary>Whether floating-point inputs and the first output can only be stored in one element type together, whatever <see cref="CanReadStored"/> says.</summary>
    public virtual bool StoresAlike => false;

    /// <summary>Whether a node whose tensors can only be stored in one type together takes this format. Unless overridden, it takes those whose elements stand alone.</summary>
    public virtual bool StoresAlikeIn(Node node, RowFormat format) => StoresAlike && format.Together == 1;

    /// <summary>
    /// Whether it computes with half precision by itself, if all of its floating-point inputs and outputs have it, and gives what single precision
    /// rounded once would give.
    /// </summary>
    public virtual bool TakesHalf(Node node) => StoresAlike;

    /// <summary>Whether the first output may be a stripe of a wider tensor (<see cref="Steps.PlanTensor.StripeStride"/>).</summary>
    public virtual bool CanWriteStripe(Node node) => false;

    /// <summary>Whether this input may be a stripe of a wider tensor.</summary>
    public virtual bool CanReadStripe(Node node, int input) => false;

    /// <summary>Where in the first output each input lies as it is, if the operator does nothing but put inputs into places; null if it does.</summary>
    /// <returns>The first element, and whether rows of the input are parts of rows of the output; otherwise the whole input lies there.</returns>
    public virtual IReadOnlyList<(long FirstElement, bool IsStripe)>? InputPlaces(NodeContext context) => null;

    /// <summary>Whether a node, or this variant of it, is made of other operators: then <see cref="Expand"/> is called, and neither of the others.</summary>
    public virtual bool IsFunction(NodeContext context) => false;

    /// <summary>Checks attributes and inputs and adds the nodes that compute the outputs.</summary>
    /// <exception cref="InvalidGraphException">The node contradicts the ONNX specification.</exception>
    /// <exception cref="UnsupportedOperatorException">The node is valid but this variant is not supported.</exception>
    public virtual void Expand(FunctionContext context) => throw new InvalidOperationException("The operator is no function.");

    /// <summary>Checks attributes and inputs and sets the types (and constants, where they follow) of the outputs.</summary>
    /// <exception cref="InvalidGraphException">The node contradicts the ONNX specification.</exception>
    /// <exception cref="UnsupportedOperatorException">The node is valid but this variant is not supported.</exception>
    public abstract void Infer(InferenceContext context);

    /// <summary>Emits the kernels that compute the node. Called after <see cref="Infer"/> with the same types.</summary>
    public abstract void Lower(LoweringContext context);
}
