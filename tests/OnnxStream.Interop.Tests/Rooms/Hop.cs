namespace OnnxStream.Interop.Tests.Rooms;

/// <summary>A member that a weight or an input comes through.</summary>
/// <param name="Type">The type, as the page writes it.</param>
/// <param name="Member">Its member; the type's own name for a constructor.</param>
/// <param name="File">The file that declares it, from src/OnnxStream.Interop.</param>
internal readonly record struct Hop(string Type, string Member, string File);
